// Shows what an enlargement is worth.
//
//     tconv_side_by_side shrink IN.png OUT.png SCALE
//     tconv_side_by_side compare OUT.png X,Y,WIDTH,HEIGHT[,X,Y,WIDTH,HEIGHT...] ORIGINAL.png SMALL.png LABEL=ENLARGED.png...
//
// `shrink` makes a small picture of an original. `compare` prints the PSNR of the luma of each enlargement of it, and writes one
// picture: the same parts of the small picture, of the enlargements and of the original, three times as large, side by side. Parts
// have one width; each is four numbers, one after the other.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "label.hpp"
#include "luma.hpp"
#include "tools/io/png.hpp"
#include "tools/support/error.hpp"
#include "tools/support/options.hpp"

namespace {

using tools::Picture;

constexpr int64_t zoom = 3;
constexpr int64_t gap = 12;
constexpr int64_t dot = 3;

[[noreturn]] void refuse(const std::string& why) { throw tools::Error(tools::ExitCode::bad_input, why); }

void write(const std::string& path, const Picture& picture) {
  tools::PngWriter writer(path, picture.width, picture.height, picture.channels, picture.bits, picture.colour);
  for (int64_t y = 0; y < picture.height; ++y) writer.write_row(picture.samples.data() + y * picture.width * picture.channels);
  writer.finish();
}

struct Part {
  int64_t x, y, width, height;
};

struct Panel {
  std::string title;
  std::string figure;
  Picture picture;
};

// The part of `panel`, whose pixels are `cell` pixels of the result wide; grey and alpha become RGB.
void draw_part(const Picture& picture, const Part& part, int64_t cell, int64_t left, int64_t top, Picture* result) {
  const int64_t shift = picture.bits - 8;
  for (int64_t y = 0; y < part.height * zoom; ++y) {
    for (int64_t x = 0; x < part.width * zoom; ++x) {
      const int64_t row = (part.y * zoom + y) / cell;
      const int64_t column = (part.x * zoom + x) / cell;
      const uint16_t* pixel = picture.samples.data() + (row * picture.width + column) * picture.channels;
      uint16_t* to = result->samples.data() + ((top + y) * result->width + left + x) * 3;
      for (int64_t c = 0; c < 3; ++c) to[c] = static_cast<uint16_t>(pixel[picture.channels >= 3 ? c : 0] >> shift);
    }
  }
}

void compare(const std::string& output, const std::vector<Part>& parts, const std::string& original_path,
             const std::string& small_path, const std::vector<std::string>& candidates) {
  const Picture small = tools::read_png(small_path);
  const Picture original = tools::read_png(original_path);
  std::vector<Panel> panels;
  panels.push_back({"low resolution", fmt::format("{} x {}", small.width, small.height), small});
  double first = 0;
  for (const std::string& text : candidates) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) refuse(fmt::format("{}: must be LABEL=FILE.png", text));
    Panel panel;
    panel.title = text.substr(0, equals);
    panel.picture = tools::read_png(text.substr(equals + 1));
    const Picture reference =
        upscaler::cut(original, std::min(original.width, panel.picture.width), std::min(original.height, panel.picture.height));
    const double psnr = upscaler::luma_psnr(reference, panel.picture);
    if (panels.size() == 1) first = psnr;
    panel.figure = panels.size() == 1 ? fmt::format("{:.2f} dB", psnr) : fmt::format("{:.2f} dB, {:+.2f}", psnr, psnr - first);
    fmt::print("{:14}  luma PSNR {}\n", panel.title, panel.figure);
    panels.push_back(std::move(panel));
  }
  panels.push_back({"original", fmt::format("{} x {}", original.width, original.height), original});
  if (panels.size() < 3) refuse("compare: no enlargement given");

  const int64_t scale = panels[1].picture.width / small.width;
  for (const Panel& panel : panels) {
    const int64_t cells = &panel == &panels[0] ? scale : 1;
    for (const Part& part : parts) {
      if (part.x < 0 || part.y < 0 || part.width < 1 || part.height < 1 || part.x > panel.picture.width * cells - part.width ||
          part.y > panel.picture.height * cells - part.height) {
        refuse(fmt::format("part {},{},{},{}: does not lie in the picture", part.x, part.y, part.width, part.height));
      }
      if (part.width != parts[0].width)
        refuse(fmt::format("parts are {} and {} wide: must have one width", part.width, parts[0].width));
    }
  }
  Picture result;
  result.channels = 3;
  result.colour = original.colour;
  const int64_t panel_width = parts[0].width * zoom + gap;
  const int64_t line = (upscaler::glyph_height + 3) * dot;
  int64_t below = gap;
  for (const Part& part : parts) below += part.height * zoom + gap;
  result.width = gap + static_cast<int64_t>(panels.size()) * panel_width;
  result.height = below + 2 * line;
  result.samples.assign(static_cast<size_t>(result.width * result.height * 3), 255);
  for (size_t i = 0; i < panels.size(); ++i) {
    const int64_t left = gap + static_cast<int64_t>(i) * panel_width;
    int64_t top = gap;
    for (const Part& part : parts) {
      draw_part(panels[i].picture, part, i == 0 ? scale * zoom : zoom, left, top, &result);
      top += part.height * zoom + gap;
    }
    upscaler::draw_text(&result.samples, result.width, left, below, dot, panels[i].title);
    upscaler::draw_text(&result.samples, result.width, left, below + line, dot, panels[i].figure);
  }
  write(output, result);
  fmt::print("{}: parts of {} pictures side by side, three times as large\n", output, panels.size());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() == 4 && arguments[0] == "shrink") {
      const int64_t scale = tools::parse_integers(arguments[3], "SCALE").at(0);
      if (scale < 1 || scale > 16) refuse(fmt::format("SCALE = {}: must be 1 to 16", scale));
      write(arguments[2], upscaler::shrink(tools::read_png(arguments[1]), static_cast<int>(scale)));
      return 0;
    }
    if (arguments.size() >= 6 && arguments[0] == "compare") {
      const std::vector<int64_t> numbers = tools::parse_integers(arguments[2], "part");
      if (numbers.empty() || numbers.size() % 4 != 0) refuse(fmt::format("part {}: must be X,Y,WIDTH,HEIGHT", arguments[2]));
      std::vector<Part> parts;
      for (size_t i = 0; i < numbers.size(); i += 4) parts.push_back({numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]});
      compare(arguments[1], parts, arguments[3], arguments[4], {arguments.begin() + 5, arguments.end()});
      return 0;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tconv_side_by_side: %s\n", e.what());
    return 1;
  }
  std::fputs(
      "usage: tconv_side_by_side shrink IN.png OUT.png SCALE\n"
      "       tconv_side_by_side compare OUT.png X,Y,WIDTH,HEIGHT[,...] ORIGINAL.png SMALL.png LABEL=ENLARGED.png...\n",
      stderr);
  return 2;
}
