#include <fmt/format.h>

#include <algorithm>

#include "tools/arith/layer.hpp"
#include "tools/arith/picture.hpp"
#include "tools/arith/web.hpp"
#include "tools/support/error.hpp"

namespace tools::arith {

void require_drawable(const tconv::Axis& a, int64_t at) {
  const int64_t size = output_of(a);
  const auto refuse = [](const char* what, int64_t value, int64_t limit) {
    throw Error(
        ExitCode::bad_input,
        fmt::format("{} = {}: pictures are drawn up to {}; the relations are the same for a smaller one", what, value, limit));
  };
  if (a.input > max_picture_size) refuse("input", a.input, max_picture_size);
  if (a.kernel > max_picture_size) refuse("kernel", a.kernel, max_picture_size);
  if (a.stride > max_picture_size) refuse("stride", a.stride, max_picture_size);
  if (size + a.pad_begin + a.pad_end > max_picture_outputs) {
    refuse("the uncropped output", size + a.pad_begin + a.pad_end, max_picture_outputs);
  }
  if (at < 0 || at >= size) {
    throw Error(ExitCode::bad_input, fmt::format("--at = {}: there are outputs 0 to {}", at, size - 1));
  }
}

std::string to_svg(const tconv::Axis& a, int64_t at) {
  constexpr int64_t margin = 16, heading = 30, gap = 26;
  const std::vector<Panel> panels = draw_panels(a, at);
  const std::string caption =
      fmt::format("Transposed convolution: input {}, kernel {}, stride {}, {}padding {}, output padding {}: output {}", a.input,
                  a.kernel, a.stride, a.dilation > 1 ? fmt::format("dilation {}, ", a.dilation) : "",
                  a.pad_begin == a.pad_end ? fmt::format("{}", a.pad_begin) : fmt::format("{} and {}", a.pad_begin, a.pad_end),
                  a.output_padding, output_of(a));
  // Two columns: the three ways to compute the output, beside them the matrix and the two axes.
  constexpr size_t in_left_column = 3;
  std::string body, description;
  int64_t x = margin, width = 0, height = 0;
  for (size_t n = 0, end = in_left_column; n < panels.size(); end = panels.size()) {
    int64_t y = margin + heading, column_width = 0;
    for (; n < end; ++n) {
      const Panel& panel = panels[n];
      // Headings need room, which no one measures: 9 pixels a letter are enough at 16 pixels bold.
      column_width = std::max({column_width, panel.width, 9 * static_cast<int64_t>(panel.title.size())});
      body += fmt::format(R"(<text class="panel-title" x="{}" y="{}">{}</text>)", x, y + 18, panel.title);
      body += fmt::format("<g transform=\"translate({} {})\">{}</g>\n", x, y + heading, panel.body);
      description += panel.description + " ";
      y += heading + panel.height + gap;
    }
    x += column_width + 2 * gap;
    width = x;
    height = std::max(height, y);
  }
  width = std::max(width, 9 * static_cast<int64_t>(caption.size()) + 2 * margin);
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "role=\"img\" "
      "aria-labelledby=\"title description\">\n<title id=\"title\">{2}</title>\n<desc id=\"description\">{3}</desc>\n"
      "<style>{4}</style>\n<rect class=\"ground\" width=\"{0}\" height=\"{1}\"/>\n"
      "<text class=\"panel-title\" x=\"{5}\" y=\"{6}\">{2}</text>\n{7}</svg>\n",
      width, height, caption, description, web::picture_css, margin, margin + 14, body);
}

}  // namespace tools::arith
