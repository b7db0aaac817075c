#include "tools/arith/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

// web/picture.js draws the same panels in the page; the test of the twin compares the two letter by letter, so keep both alike.

namespace tools::arith {
namespace {

using tconv::Axis;

constexpr int64_t cell_size = 30;
constexpr int64_t small_size = 24;
constexpr int64_t gutter = 96;

int64_t modulo(int64_t a, int64_t b) { return (a % b + b) % b; }
int64_t reach(const Axis& a) { return a.stride * (a.input - 1) + a.dilation * (a.kernel - 1) + 1; }
int64_t size_of(const Axis& a) { return reach(a) - a.pad_begin - a.pad_end + a.output_padding; }

std::string plural(int64_t n, const char* thing) { return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s"); }

struct Product {
  int64_t tap, input;
};
std::vector<Product> products_of(const Axis& a, int64_t o) {
  std::vector<Product> products;
  for (int64_t t = 0; t < a.kernel; ++t) {
    if (int64_t m = 0; tconv::input_met(a, o, t, &m)) products.push_back({t, m});
  }
  return products;
}

std::string sub(char letter, int64_t n) { return fmt::format("{}{}", letter, n); }
std::string rect(int64_t x, int64_t y, int64_t w, int64_t h, const char* cls) {
  return fmt::format(R"(<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="3"/>)", cls, x, y, w, h);
}
std::string words(int64_t x, int64_t y, const char* cls, const std::string& text) {
  return fmt::format(R"(<text class="{}" x="{}" y="{}">{}</text>)", cls, x, y, text);
}

// A square with a label. `out` >= 0 makes it an output cell that can be picked in the page.
std::string cell(int64_t x, int64_t y, int64_t size, const std::string& cls, const std::string& label, int64_t out = -1) {
  const std::string pick = out >= 0 ? fmt::format(R"( data-o="{}")", out) : "";
  return fmt::format(R"(<g class="c {}"{}><rect x="{}" y="{}" width="{}" height="{}" rx="3"/><text x="{}" y="{}">{}</text></g>)",
                     cls, pick, x + 1, y + 1, size - 2, size - 2, x + size / 2, y + size / 2 + 4, label);
}

std::string phase_class(const Axis& a, int64_t o) { return fmt::format("f{}", modulo(o + a.pad_begin, a.stride) % 7); }
std::string join(const std::vector<std::string>& parts, const char* between) {
  return fmt::format("{}", fmt::join(parts, between));
}
std::string sum_text(const Axis& a, int64_t at) {
  std::vector<std::string> terms;
  for (const Product& p : products_of(a, at)) terms.push_back(sub('x', p.input) + "·" + sub('w', p.tap));
  return fmt::format("{} = {}", sub('y', at), terms.empty() ? "bias alone" : join(terms, " + "));
}
// Room for a sum of so many terms, which no one measures.
int64_t sum_width(int64_t terms) { return gutter + 60 + 62 * terms; }
std::string times(int64_t n) { return n == 1 ? "1 multiplication" : fmt::format("{} multiplications", n); }

// The columns that the scatter and zero-insertion panels share: column u holds cell u of the uncropped output, and input m of the
// stretched input stands above the column s * m where its first product lands.
struct Columns {
  int64_t first, last, width;
  explicit Columns(const Axis& a)
      : first(std::min<int64_t>(0, a.pad_begin - a.dilation * (a.kernel - 1))),
        last(reach(a) + a.output_padding - 1),
        width(gutter + (last - first + 1) * cell_size + 8) {}
  int64_t x(int64_t u) const { return gutter + (u - first) * cell_size; }
};

std::string output_row(const Axis& a, int64_t at, const Columns& col, int64_t y) {
  std::string s = words(gutter - 10, y + 19, "label", "output");
  const int64_t size = size_of(a);
  for (int64_t u = 0; u <= col.last; ++u) {
    const int64_t o = u - a.pad_begin;
    if (o < 0 || o >= size) {
      s += cell(col.x(u), y, cell_size, "cut", "");
    } else {
      s += cell(col.x(u), y, cell_size, "y " + phase_class(a, o) + (o == at ? " hit" : ""), sub('y', o), o);
    }
  }
  return s;
}

Panel scatter_panel(const Axis& a, int64_t at) {
  const Columns col(a);
  const int64_t size = size_of(a);
  const int64_t bottom = a.input * cell_size + 8;
  std::set<int64_t> used;
  for (const Product& p : products_of(a, at)) used.insert(p.input);
  std::string s;
  for (int64_t m = 0; m < a.input; ++m) {
    s += cell(gutter - 50, m * cell_size, cell_size, used.count(m) ? "x read" : "x", sub('x', m)) +
         words(gutter - 10, m * cell_size + 19, "label", "·");
    for (int64_t t = 0; t < a.kernel; ++t) {
      const int64_t u = a.stride * m + a.dilation * t;
      const int64_t o = u - a.pad_begin;
      const std::string cls = o < 0 || o >= size ? "cut" : "w " + phase_class(a, o) + (o == at ? " hit" : "");
      s += cell(col.x(u), m * cell_size, cell_size, cls, sub('w', t));
    }
  }
  s += output_row(a, at, col, bottom);
  s += rect(col.x(at + a.pad_begin) - 2, 0, cell_size + 4, bottom + cell_size + 2, "now");
  s += words(gutter, bottom + cell_size + 22, "sum", sum_text(a, at));
  return {"Scatter: every input adds its taps into the output",
          fmt::format("Each of {} is multiplied by {}; the products land {} further for each input and are added up "
                      "column by column. {}.",
                      plural(a.input, "input"), plural(a.kernel, "tap"), plural(a.stride, "cell"), sum_text(a, at)),
          s, std::max(col.width, sum_width(static_cast<int64_t>(products_of(a, at).size()))), bottom + cell_size + 30};
}

Panel zero_insertion_panel(const Axis& a, int64_t at) {
  const Columns col(a);
  const int64_t stretched = a.stride * (a.input - 1);
  const int64_t lowest = a.pad_begin - a.dilation * (a.kernel - 1);
  const int64_t highest = a.pad_begin + size_of(a) - 1;
  std::set<int64_t> met, read;
  for (const Product& p : products_of(a, at)) met.insert(a.stride * p.input);
  std::vector<std::string> terms;
  std::string s = rect(col.x(at + a.pad_begin) - 2, 2 * cell_size + 6, cell_size + 4, cell_size + 4, "now");
  s += words(gutter - 10, 19, "label", "kernel");
  s += words(gutter - 10, cell_size + 19, "label", "input");
  for (int64_t t = 0; t < a.kernel; ++t) {
    const int64_t u = at + a.pad_begin - a.dilation * t;
    read.insert(u);
    s += cell(col.x(u), 0, cell_size, met.count(u) ? "w " + phase_class(a, at) + " hit" : "idle", sub('w', t));
    terms.push_back((met.count(u) ? sub('x', u / a.stride) : "0") + "·" + sub('w', t));
  }
  for (int64_t u = std::min<int64_t>(0, lowest); u <= std::max(stretched, highest); ++u) {
    const bool outside = u < 0 || u > stretched;
    const bool real = !outside && u % a.stride == 0;
    std::string cls = outside ? "pad" : real ? "x" : "ins";
    if (u < lowest || u > highest) cls = "cut";
    s += cell(col.x(u), cell_size, cell_size, read.count(u) ? cls + " read" : cls, real ? sub('x', u / a.stride) : "0");
  }
  s += output_row(a, at, col, 2 * cell_size + 8);
  const int64_t wasted = a.kernel - static_cast<int64_t>(met.size());
  const std::string count = fmt::format("{}, {} with a zero", times(a.kernel), wasted);
  s += words(gutter, 3 * cell_size + 30, "sum", fmt::format("{} = {}", sub('y', at), join(terms, " + ")));
  s += words(gutter, 3 * cell_size + 48, "sum", count);
  return {"Zero insertion: stretch, pad, convolve with the flipped kernel",
          fmt::format("Between neighbouring inputs: {}; before them: {}. The flipped kernel slides over all of it by one cell per "
                      "output. {} takes {}.",
                      plural(a.stride - 1, "zero"), std::max<int64_t>(0, -lowest), sub('y', at), count),
          s, std::max(col.width, sum_width(a.kernel)), 3 * cell_size + 56};
}

Panel phases_panel(const Axis& a, int64_t at) {
  std::vector<tconv::Phase> phases;
  for (int64_t r = 0; r < a.stride; ++r) phases.push_back(tconv::phase_of(a, r));
  const int64_t size = size_of(a);
  const int64_t r = modulo(at + a.pad_begin, a.stride);
  const int64_t q = (at + a.pad_begin - r) / a.stride;
  const tconv::Phase& now = phases[static_cast<size_t>(r)];
  int64_t first = 0, last = a.input - 1, texts = 0;
  for (const tconv::Phase& p : phases) {
    for (const int64_t edge : {p.q_begin, p.q_end - 1}) {
      if (p.q_end == p.q_begin) continue;
      first = std::min({first, edge, p.taps > 0 ? tconv::phase_input(p, edge, p.taps - 1) : edge});
      last = std::max({last, edge, p.taps > 0 ? tconv::phase_input(p, edge, 0) : edge});
    }
    texts = std::max(texts, p.taps == 0 ? 10 : 3 * p.taps);
  }
  const auto x = [&](int64_t column) { return gutter + (column - first) * cell_size; };
  std::set<int64_t> read;
  std::string s = words(gutter - 10, 19, "label", "sub-kernel") + words(gutter - 10, cell_size + 19, "label", "input");
  for (int64_t j = 0; j < now.taps; ++j) {
    const int64_t m = tconv::phase_input(now, q, j);
    const bool real = m >= 0 && m < a.input;
    read.insert(m);
    s += cell(x(m), 0, cell_size, real ? fmt::format("w f{} hit", r % 7) : "idle", sub('w', tconv::phase_tap(now, j)));
    if (!real) s += cell(x(m), cell_size, cell_size, "pad read", "–");
  }
  for (int64_t m = 0; m < a.input; ++m) s += cell(x(m), cell_size, cell_size, read.count(m) ? "x read" : "x", sub('x', m));
  int64_t y = 2 * cell_size + 8;
  for (const tconv::Phase& p : phases) {
    s += words(gutter - 10, y + 19, "label", fmt::format("phase {}", p.index));
    for (int64_t k = p.q_begin; k < p.q_end; ++k) {
      const int64_t o = tconv::phase_output(a, p, k);
      const std::string cls = p.taps == 0 ? "dead" : fmt::format("y f{}", p.index % 7);
      s += cell(x(k), y, cell_size, o == at ? cls + " hit" : cls, sub('y', o), o);
    }
    std::vector<std::string> taps;
    for (int64_t j = 0; j < p.taps; ++j) taps.push_back(sub('w', tconv::phase_tap(p, j)));
    s += words(x(last + 1) + 10, y + 19, "side", p.taps == 0 ? "bias alone" : join(taps, " "));
    y += cell_size;
  }
  y += 8;
  s += words(gutter - 10, y + 19, "label", "output");
  for (int64_t o = 0; o < size; ++o) {
    const bool dead = phases[static_cast<size_t>(modulo(o + a.pad_begin, a.stride))].taps == 0;
    const std::string cls = dead ? "dead" : "y " + phase_class(a, o);
    s += cell(gutter + o * cell_size, y, cell_size, o == at ? cls + " hit" : cls, sub('y', o), o);
  }
  const std::string count = times(static_cast<int64_t>(products_of(a, at).size()));
  s += words(gutter, y + cell_size + 22, "sum", sum_text(a, at) + ": " + count);
  return {"Phases: one small stride-1 convolution each, no zero anywhere",
          fmt::format("The outputs fall into {}; each is an ordinary convolution of the input as it is with its own taps, and "
                      "the phases interleave to the output. {} belongs to phase {} and takes {}.",
                      plural(a.stride, "phase"), sub('y', at), r, count),
          s,
          std::max({x(last + 1) + 20 + 8 * texts, gutter + size * cell_size + 8,
                    sum_width(static_cast<int64_t>(products_of(a, at).size()) + 2)}),
          y + cell_size + 30};
}

Panel matrix_panel(const Axis& a, int64_t at) {
  const int64_t size = size_of(a);
  const int64_t top = 44, left = 34;
  const int64_t right = left + std::max<int64_t>(size * small_size, 170) + 50;
  std::string s = words(left, 14, "head", "C: the convolution, y to x") + words(right, 14, "head", "Cᵀ: this layer, x to y");
  for (int64_t m = 0; m < a.input; ++m) {
    s += words(left - 6, top + m * small_size + 16, "tick", sub('x', m));
    s += words(right + m * small_size + 20, top - 8, "tick", sub('x', m));
  }
  for (int64_t o = 0; o < size; ++o) {
    s += words(left + o * small_size + 20, top - 8, "tick", sub('y', o));
    s += words(right - 6, top + o * small_size + 16, "tick", sub('y', o));
    std::map<int64_t, int64_t> taps;
    for (const Product& p : products_of(a, o)) taps[p.input] = p.tap;
    for (int64_t m = 0; m < a.input; ++m) {
      const std::string cls = taps.count(m) ? "w " + phase_class(a, o) + (o == at ? " hit" : "") : "z";
      const std::string label = taps.count(m) ? sub('w', taps[m]) : "";
      s += cell(left + o * small_size, top + m * small_size, small_size, cls, label);
      s += cell(right + m * small_size, top + o * small_size, small_size, cls, label, o);
    }
  }
  s += rect(left + at * small_size - 2, top - 2, small_size + 4, a.input * small_size + 4, "now");
  s += rect(right - 2, top + at * small_size - 2, a.input * small_size + 4, small_size + 4, "now");
  return {"Matrix: the convolution and its transpose",
          fmt::format("C has {} and {}; the layer multiplies by C transposed. Row {} of the transpose holds the taps of "
                      "{}. Empty elements are zero.",
                      plural(a.input, "row"), plural(size, "column"), sub('y', at), sum_text(a, at)),
          s, right + std::max<int64_t>(a.input * small_size, 150) + 8, top + std::max(a.input, size) * small_size + 8};
}

// Two axes with the same numbers: how many products each output pixel gets.
Panel plane_panel(const Axis& a, int64_t at) {
  const int64_t size = size_of(a);
  const int64_t top = 22, left = 8;
  const int64_t right = left + a.input * small_size + 44;
  std::vector<int64_t> products;
  for (int64_t o = 0; o < size; ++o) products.push_back(static_cast<int64_t>(products_of(a, o).size()));
  const int64_t most = std::max<int64_t>(1, *std::max_element(products.begin(), products.end()));
  const int64_t fewest = *std::min_element(products.begin(), products.end());
  std::set<int64_t> read;
  for (const Product& p : products_of(a, at)) read.insert(p.input);
  std::string s = words(left, 14, "head", "input") + words(right, 14, "head", "output: products per pixel");
  for (int64_t y = 0; y < a.input; ++y) {
    for (int64_t x = 0; x < a.input; ++x) {
      s += cell(left + x * small_size, top + y * small_size, small_size, read.count(y) && read.count(x) ? "x read" : "x", "");
    }
  }
  for (int64_t y = 0; y < size; ++y) {
    for (int64_t x = 0; x < size; ++x) {
      const int64_t n = products[static_cast<size_t>(y)] * products[static_cast<size_t>(x)];
      const std::string cls = fmt::format("n{}", (4 * n + most * most - 1) / (most * most)) + (y == at && x == at ? " hit" : "");
      s += cell(right + x * small_size, top + y * small_size, small_size, cls, fmt::format("{}", n), x == y ? x : -1);
    }
  }
  return {
      "Two axes alike: who gets how many products",
      fmt::format("A {0} by {0} input and a {1} by {1} output with these numbers on both axes. Output pixels get between {2} and "
                  "{3} products. Pixel ({4}, {4}) reads the marked inputs.",
                  a.input, size, fewest * fewest, most * most, at),
      s, right + std::max<int64_t>(size * small_size, 190) + 8, top + std::max(a.input, size) * small_size + 8};
}

}  // namespace

std::vector<Panel> draw_panels(const tconv::Axis& a, int64_t at) {
  return {scatter_panel(a, at), zero_insertion_panel(a, at), phases_panel(a, at), matrix_panel(a, at), plane_panel(a, at)};
}

}  // namespace tools::arith
