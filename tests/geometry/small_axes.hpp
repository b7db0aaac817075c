// Every small axis, and what a reader with pencil and paper would find out about it: enumeration of who touches whom, without a
// single formula of the library. The exhaustive tests hold the library against this.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tconv/geometry.hpp"

namespace tconv {

inline std::string text(const Axis& a) {
  std::ostringstream s;
  s << "i=" << a.input << " k=" << a.kernel << " s=" << a.stride << " d=" << a.dilation << " p=" << a.pad_begin << ":" << a.pad_end
    << " op=" << a.output_padding;
  return s.str();
}

inline std::string text(const ConvolutionAxis& c) {
  std::ostringstream s;
  s << "convolution i=" << c.input << " k=" << c.kernel << " s=" << c.stride << " d=" << c.dilation << " p=" << c.pad_begin << ":"
    << c.pad_end;
  return s.str();
}

// The scatter definition, carried out: product of input m and tap t lands in cell s * m + d * t; the cells that some product can
// reach are the uncropped output; padding drops cells at both ends and output padding appends empty ones first.
struct Scatter {
  using Product = std::pair<int64_t, int64_t>;  // input, tap
  std::vector<std::vector<Product>> output;     // per output cell, the products that land there, in ascending order
  int64_t products = 0;                         // all, with those that are cut off

  explicit Scatter(const Axis& a) {
    std::vector<std::vector<Product>> cells;
    for (int64_t m = 0, start = 0; m < a.input; ++m, start += a.stride) {
      for (int64_t t = 0, cell = start; t < a.kernel; ++t, cell += a.dilation, ++products) {
        if (cells.size() <= static_cast<size_t>(cell)) cells.resize(static_cast<size_t>(cell) + 1);
        cells[static_cast<size_t>(cell)].emplace_back(m, t);
      }
    }
    cells.resize(cells.size() + static_cast<size_t>(a.output_padding));
    for (int64_t u = a.pad_begin; u < static_cast<int64_t>(cells.size()) - a.pad_end; ++u) {
      output.push_back(std::move(cells[static_cast<size_t>(u)]));
    }
  }
};

// An ordinary convolution, carried out: windows laid over the padded input until one no longer fits. window[o][t] is the input
// that output o meets at tap t, or -1 for a padding zero.
struct Windows {
  std::vector<std::vector<int64_t>> window;
  int64_t unread = 0;  // padded cells behind the last window

  explicit Windows(const ConvolutionAxis& c) {
    std::vector<int64_t> padded(static_cast<size_t>(c.pad_begin), -1);
    for (int64_t m = 0; m < c.input; ++m) padded.push_back(m);
    padded.insert(padded.end(), static_cast<size_t>(c.pad_end), -1);
    for (size_t start = 0;; start += static_cast<size_t>(c.stride)) {
      std::vector<int64_t> cells;
      size_t at = start;
      for (int64_t t = 0; t < c.kernel && at < padded.size(); ++t, at += static_cast<size_t>(c.dilation))
        cells.push_back(padded[at]);
      if (static_cast<int64_t>(cells.size()) < c.kernel) break;
      unread = static_cast<int64_t>(padded.size() - 1 - (at - static_cast<size_t>(c.dilation)));
      window.push_back(std::move(cells));
    }
  }
};

inline bool quick_run() { return std::getenv("TCONV_TEST_QUICK") != nullptr; }

// Calls `visit` for every axis with sizes up to 8 and the same padding at both ends, and for every axis with sizes up to 5 and any
// two paddings up to 5; those whose padding cuts everything off included. Returns how many. Stops at the first failure.
inline int64_t for_each_small_axis(const std::function<void(const Axis&)>& visit) {
  int64_t cases = 0;
  const auto sweep = [&](int64_t largest, bool symmetric) {
    for (int64_t i = 1; i <= largest; ++i)
      for (int64_t k = 1; k <= largest; ++k)
        for (int64_t s = 1; s <= largest; ++s)
          for (int64_t d = 1; d <= largest; ++d)
            for (int64_t pb = 0; pb <= largest; ++pb)
              for (int64_t pe = symmetric ? pb : 0; pe <= (symmetric ? pb : largest); ++pe)
                for (int64_t op = 0; op < std::max(s, d); ++op) {
                  if (!symmetric && pb == pe) continue;
                  if (::testing::Test::HasFatalFailure()) return;
                  visit(Axis{i, k, s, d, pb, pe, op});
                  ++cases;
                }
  };
  // Instrumented builds, several times slower, take a part.
  const bool quick = quick_run();
  sweep(quick ? 5 : 8, true);
  sweep(quick ? 3 : 5, false);
  return cases;
}

inline void report_cases(const char* what, int64_t cases) { std::cout << "[   cases  ] " << cases << " " << what << std::endl; }

}  // namespace tconv
