// The barn on the left: bricks, tiles, planks, a lattice window and a test chart, all finer towards the limit of a pixel.
#include <algorithm>
#include <cmath>

#include "landscape.hpp"

namespace scene {
namespace {

constexpr double left = 14, right = 104, eaves = 86, ground = 166;

Colour brick(double x, double y) {
  constexpr double width = 5, height = 2.2, mortar = 0.34;
  const double row = std::floor(y / height);
  const double shifted = x + (static_cast<int64_t>(row) % 2 != 0 ? width / 2 : 0);
  const double column = std::floor(shifted / width);
  if (y - row * height < mortar || shifted - column * width < mortar) return srgb(196, 184, 166) * (0.8 + 0.3 * noise(x, y, 3));
  const double tone = noise(column * 3.3 + 0.5, row * 5.7 + 0.5, 1);
  return mix(srgb(122, 50, 38), srgb(176, 92, 62), tone) * (0.75 + 0.45 * noise(x * 1.7, y * 1.7, 4));
}

Colour tile(double x, double y) {
  constexpr double width = 3.2, height = 2.6;
  const double row = std::floor(y / height);
  const double shifted = x + (static_cast<int64_t>(row) % 2 != 0 ? width / 2 : 0);
  const double across = shifted / width - std::floor(shifted / width) - 0.5;
  const double down = y / height - row;
  const double edge = down - (0.62 + 0.36 * std::sqrt(std::max(0.0, 1 - 4 * across * across)));
  const double tone = noise(std::floor(shifted / width) * 2.9, row * 4.1, 1);
  const Colour body = mix(srgb(66, 70, 84), srgb(108, 112, 124), tone) * (0.65 + 0.5 * down);
  return edge > 0 ? srgb(30, 32, 40) : body;
}

void paint_window(Canvas* canvas, double x, double y) {
  const Colour frame = srgb(228, 222, 208);
  canvas->fill_rectangle(x - 1, y - 1, x + 17, y + 19, [=](double, double) { return frame; });
  canvas->fill_rectangle(x, y, x + 16, y + 18, [=](double u, double v) {
    return mix(srgb(40, 54, 76), srgb(212, 196, 150), noise(u / 7 + v / 11, v / 6, 3));
  });
  for (int i = -9; i < 9; ++i) {  // leaded lattice, clipped to the pane by painting the frame again
    const double at = x + 2 * i;
    canvas->stroke({std::clamp(at, x, x + 16), y + std::clamp(x - at, 0.0, 18.0)},
                   {std::clamp(at + 18, x, x + 16), y + std::clamp(x + 16 - at, 0.0, 18.0)}, 0.26, 0.26, srgb(24, 26, 30));
    canvas->stroke({std::clamp(at + 18, x, x + 16), y + std::clamp(at + 18 - (x + 16), 0.0, 18.0)},
                   {std::clamp(at, x, x + 16), y + std::clamp(at + 18 - x, 0.0, 18.0)}, 0.26, 0.26, srgb(24, 26, 30));
  }
  canvas->stroke({x + 8, y}, {x + 8, y + 18}, 0.8, 0.8, frame);
  canvas->stroke({x, y + 9}, {x + 16, y + 9}, 0.8, 0.8, frame);
}

void paint_door(Canvas* canvas) {
  const double x0 = 24, x1 = 46, y0 = 128;
  canvas->fill_rectangle(x0, y0, x1, ground, [](double x, double y) {
    const double plank = x / 2.75 - std::floor(x / 2.75);
    const Colour grain = mix(srgb(58, 84, 66), srgb(92, 124, 96), noise(x * 2.4, y / 9, 5));
    return plank < 0.11 ? srgb(24, 34, 28) : grain;
  });
  for (double y : {134.0, 158.0}) canvas->stroke({x0, y}, {x1, y}, 1.6, 1.6, srgb(46, 44, 44));
  canvas->stroke({x0, 158}, {x1, 134}, 1.2, 1.2, srgb(46, 44, 44));
}

// A chart on the wall: a star of 36 rays, bars that narrow, rings that close up.
void paint_chart(Canvas* canvas) {
  const Colour paper = srgb(246, 244, 236);
  const Colour ink = srgb(22, 22, 26);
  canvas->fill_rectangle(56, 128, 98, 158, [=](double, double) { return paper; });
  const Point star = {67, 139};
  canvas->fill_circle(star, 9.5, [=](double x, double y) {
    const double angle = std::atan2(y - star.y, x - star.x);
    return std::sin(angle * 36) > 0 ? ink : paper;
  });
  const Point rings = {87.5, 139};
  canvas->fill_circle(rings, 9.5, [=](double x, double y) {
    const double r2 = (x - rings.x) * (x - rings.x) + (y - rings.y) * (y - rings.y);
    return std::sin(0.62 * r2) > 0 ? ink : paper;
  });
  canvas->fill_rectangle(58, 150.5, 96, 156.5, [=](double x, double) {
    const double u = (x - 58) / 38;
    return std::sin(2 * 3.14159265358979 * (4 * u + 13 * u * u)) > 0 ? ink : paper;
  });
}

}  // namespace

void paint_barn(Canvas* canvas) {
  canvas->fill_polygon({{left, ground}, {left, eaves}, {right, eaves}, {right, ground}}, brick);
  canvas->fill_polygon({{left - 5, eaves + 2}, {left + 14, 52}, {right - 14, 52}, {right + 5, eaves + 2}}, tile);
  canvas->stroke({left + 13.5, 52}, {right - 13.5, 52}, 1.6, 1.6, srgb(84, 60, 52));
  canvas->fill_rectangle(left - 5, eaves + 1.5, right + 5, eaves + 3.6,
                         [](double x, double y) { return srgb(206, 200, 186) * (0.7 + 0.4 * noise(x, y, 3)); });
  canvas->fill_rectangle(80, 40, 88, 58, brick);  // chimney
  canvas->fill_rectangle(79, 38.5, 89, 40.5, [](double, double) { return srgb(150, 142, 132); });
  paint_window(canvas, 26, 98);
  paint_window(canvas, 52, 98);
  paint_window(canvas, 78, 98);
  paint_door(canvas);
  paint_chart(canvas);
  canvas->stroke({40, 52}, {40, 36}, 0.5, 0.3, srgb(30, 30, 34));  // weathervane
  canvas->stroke({35, 40}, {45, 40}, 0.4, 0.4, srgb(30, 30, 34));
  canvas->fill_polygon({{45, 38.6}, {48.4, 40}, {45, 41.4}}, [](double, double) { return srgb(30, 30, 34); });
}

}  // namespace scene
