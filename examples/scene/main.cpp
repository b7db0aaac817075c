// Renders the demo's picture: a landscape with detail down to single pixels, made of formulas and a seed.
//
//     tconv_scene OUT.png [WIDTH]      300 by default (scene.png); any width shows the same scene in another resolution
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "canvas.hpp"
#include "landscape.hpp"
#include "tools/io/png.hpp"

int main(int argc, char** argv) {
  const int width = argc > 2 ? std::atoi(argv[2]) : 300;
  if (argc < 2 || argc > 3 || width < 30 || width > 6000) {
    std::fprintf(stderr, "usage: tconv_scene OUT.png [WIDTH]   (WIDTH from 30 to 6000)\n");
    return 2;
  }
  try {
    scene::Canvas canvas(width);
    scene::paint_sky(&canvas);
    scene::paint_mountains(&canvas);
    scene::paint_lake(&canvas);
    scene::paint_meadow(&canvas);
    scene::paint_barn(&canvas);
    scene::paint_tree(&canvas);
    scene::paint_fence(&canvas);
    scene::paint_wires(&canvas);
    const std::vector<uint16_t> pixels = canvas.resolve();
    tools::PngColour colour;
    colour.has_srgb = true;
    tools::PngWriter writer(argv[1], canvas.width(), canvas.height(), 3, 8, colour);
    for (int y = 0; y < canvas.height(); ++y)
      writer.write_row(pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(width) * 3);
    writer.finish();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tconv_scene: %s\n", e.what());
    return 1;
  }
  return 0;
}
