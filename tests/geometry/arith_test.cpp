// What `tconv arith` is made of: the solver against enumeration, the warnings, the counts in its JSON.
#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "small_axes.hpp"
#include "tools/arith/advice.hpp"
#include "tools/arith/json.hpp"
#include "tools/arith/solve.hpp"
#include "tools/support/error.hpp"

namespace tconv {
namespace {

using tools::arith::AxisQuery;
using tools::arith::solve;

auto key(const Axis& a) {
  return std::make_tuple(a.input, a.kernel, a.stride, a.dilation, a.pad_begin, a.pad_end, a.output_padding);
}

std::set<decltype(key(Axis{}))> keys(const std::vector<Axis>& axes) {
  std::set<decltype(key(Axis{}))> result;
  for (const Axis& a : axes) result.insert(key(a));
  return result;
}

std::string refusal(const AxisQuery& q) {
  try {
    solve(q, "");
  } catch (const tools::Error& e) {
    EXPECT_EQ(e.code(), tools::ExitCode::bad_input);
    return e.what();
  }
  return "(solved)";
}

TEST(Solve, ForwardsUsesDefaults) {
  AxisQuery q;
  q.input = 5;
  q.kernel = 3;
  EXPECT_EQ(key(solve(q, "").at(0)), key({5, 3, 1, 1, 0, 0, 0}));
  q.stride = 2;
  q.auto_pad = AutoPad::same_upper;
  EXPECT_EQ(key(solve(q, "").at(0)), key({5, 3, 2, 1, 0, 1, 0}));
}

// For every layer of small size: leave out each set of numbers, and the layer must be among the answers, all of which are layers
// with the numbers that were left in.
TEST(Solve, EveryLeftOutSetOfNumbersIsFoundAgain) {
  int64_t questions = 0, answers = 0;
  for (int64_t i : {2, 5})
    for (int64_t k = 1; k <= 4; ++k)
      for (int64_t s = 1; s <= 3; ++s)
        for (int64_t p = 0; p < k; ++p)
          for (int64_t op = 0; op < s; ++op) {
            const Axis a{i, k, s, 1, p, p, op};
            const int64_t o = static_cast<int64_t>(Scatter(a).output.size());
            if (o < 1) continue;
            for (int left_out = 0; left_out < 32; ++left_out) {
              AxisQuery q;
              q.output = o;
              if (!(left_out & 1)) q.input = i;
              if (!(left_out & 2)) q.kernel = k;
              if (!(left_out & 4)) q.stride = s;
              if (!(left_out & 8)) q.pad_begin = q.pad_end = p;
              if (!(left_out & 16)) q.output_padding = op;
              if ((left_out & 7) == 7) continue;  // no more than the output and a padding known: searched too, but long
              const std::vector<Axis> fits = solve(q, "");
              ASSERT_EQ(keys(fits).count(key(a)), 1u) << text(a) << " left out " << left_out;
              ASSERT_EQ(keys(fits).size(), fits.size()) << text(a) << ": an answer twice";
              for (const Axis& fit : fits) {
                ASSERT_EQ(static_cast<int64_t>(Scatter(fit).output.size()), o) << text(fit);
                ASSERT_TRUE((left_out & 1) || fit.input == i);
                ASSERT_TRUE((left_out & 2) || fit.kernel == k);
                ASSERT_TRUE((left_out & 4) || fit.stride == s);
                ASSERT_TRUE((left_out & 8) || (fit.pad_begin == p && fit.pad_end == p));
                ASSERT_TRUE((left_out & 16) || fit.output_padding == op);
              }
              ++questions;
              answers += static_cast<int64_t>(fits.size());
            }
          }
  report_cases("questions put to the solver", questions);
  report_cases("answers checked", answers);
}

// Completeness: with input, stride and output given, all layers that enumeration finds in the searched range.
TEST(Solve, FindsAllThatEnumerationFinds) {
  for (int64_t i : {1, 3, 4})
    for (int64_t o : {3, 7, 8, 11})
      for (int64_t s : {1, 2, 3}) {
        std::vector<Axis> expected;
        for (int64_t k = 1; k <= tools::arith::max_searched_kernel; ++k)
          for (int64_t pb = 0; pb <= k - 1; ++pb)
            for (int64_t pe = std::max<int64_t>(0, pb - 1); pe <= std::min(pb + 1, k - 1); ++pe)
              for (int64_t op = 0; op < s; ++op) {
                const Axis a{i, k, s, 1, pb, pe, op};
                if (static_cast<int64_t>(Scatter(a).output.size()) == o) expected.push_back(a);
              }
        AxisQuery q;
        q.input = i;
        q.stride = s;
        q.output = o;
        if (expected.empty()) {
          EXPECT_NE(refusal(q), "(solved)");
        } else {
          EXPECT_EQ(keys(solve(q, "")), keys(expected)) << "i=" << i << " o=" << o << " s=" << s;
        }
      }
}

TEST(Solve, WhatPeopleBuildComesFirst) {
  AxisQuery q;
  q.input = 8;
  q.output = 16;
  const std::vector<Axis> fits = solve(q, "");
  EXPECT_EQ(key(fits.at(0)), key({8, 2, 2, 1, 0, 0, 0}));
  EXPECT_EQ(key(fits.at(1)), key({8, 4, 2, 1, 1, 1, 0}));
}

TEST(Solve, RefusalsNameTheRelationAndWhatWouldFit) {
  AxisQuery q;
  EXPECT_EQ(refusal(q), "input is not given: give it, or the output to search from");
  q.input = 4;
  EXPECT_EQ(refusal(q), "kernel is not given: give it, or the output to search from");
  q.kernel = 0;
  EXPECT_EQ(refusal(q), "kernel = 0: must be at least 1");
  q.kernel = 3;
  q.stride = 2;
  q.output_padding = 2;
  EXPECT_EQ(refusal(q), "output_padding = 2: must be smaller than max(stride, dilation) = 2");
  q.output_padding.reset();
  q.output = 20;
  EXPECT_EQ(
      refusal(q),
      "output = 20: input = 4 gives stride * (input - 1) + dilation * (kernel - 1) + 1 - pad_begin - pad_end = 9, up to 10 with "
      "output_padding; input = 9 would fit");
  q.pad_begin = q.pad_end = 1;
  EXPECT_EQ(
      refusal(q),
      "output = 20: input = 4 gives stride * (input - 1) + dilation * (kernel - 1) + 1 - pad_begin - pad_end = 7, up to 8 with "
      "output_padding; input = 10 would fit");
  q.output = 7;
  q.output_padding = 1;
  EXPECT_EQ(
      refusal(q),
      "output = 7: the others give stride * (input - 1) + dilation * (kernel - 1) + 1 - pad_begin - pad_end + output_padding = 2 * "
      "3 + 1 * 2 + 1 - 1 - 1 + 1 = 8");
}

// Searches that would never end are refused, and numbers at the edge of 64 bits are numbers.
TEST(Solve, HugeNumbers) {
  const int64_t max = std::numeric_limits<int64_t>::max();
  AxisQuery q;
  q.output = max;
  for (const Axis& fit : solve(q, "")) {
    int64_t size = 0;
    ASSERT_TRUE(output_size(fit, "", &size).ok());
    ASSERT_EQ(size, max);
  }
  q.kernel = q.dilation = q.stride = max;
  EXPECT_NE(refusal(q), "(solved)");
  AxisQuery open;
  open.output = open.kernel = 1000000000;
  EXPECT_EQ(refusal(open), "more than 4000000 combinations to search: give more of the numbers");
  AxisQuery strided;
  strided.input = 5;
  strided.kernel = 3;
  strided.stride = int64_t{4} << 30;
  strided.output = 30;
  EXPECT_NE(refusal(strided).find("needs padding beyond"), std::string::npos);
  strided.auto_pad = AutoPad::same_upper;
  strided.input = max;
  EXPECT_NE(refusal(strided), "(solved)");
}

std::vector<std::string> codes(const Axis& a) {
  tools::arith::Layer layer;
  layer.axes = {a};
  std::vector<std::string> result;
  for (const tools::arith::Warning& w : tools::arith::warnings_of(layer)) result.push_back(w.code);
  return result;
}

// Each warning exactly when enumeration shows what it warns about.
TEST(Advice, WarnsExactlyWhenTrue) {
  for_each_small_axis([](const Axis& given) {
    Axis a = given;
    const Scatter scatter(a);
    if (scatter.output.empty()) return;
    const std::vector<std::string> warned = codes(a);
    const auto has = [&](const char* code) { return std::find(warned.begin(), warned.end(), code) != warned.end(); };
    std::set<size_t> counts;  // taps per phase
    for (int64_t r = 0; r < a.stride; ++r) {
      size_t n = 0;
      for (int64_t t = 0; t < a.kernel; ++t) n += a.dilation * t % a.stride == r;
      counts.insert(n);
    }
    ASSERT_EQ(has("gaps"), counts.count(0) == 1) << text(a);
    counts.erase(0);
    ASSERT_EQ(has("uneven_overlap"), counts.size() > 1) << text(a);
    if (a.dilation == 1) {
      ASSERT_EQ(has("gaps") || has("uneven_overlap"), a.kernel % a.stride != 0) << text(a);
    }
    std::set<int64_t> used;
    for (const auto& products : scatter.output)
      for (const auto& product : products) used.insert(product.first);
    // Where neither end's padding reaches the other end's input, each end is on its own.
    if (std::max(a.pad_begin, a.pad_end - a.output_padding) <= a.stride * (a.input - 1)) {
      ASSERT_EQ(has("padding_beyond_kernel"), !used.count(0) || !used.count(a.input - 1)) << text(a);
    } else if (has("padding_beyond_kernel")) {
      ASSERT_TRUE(!used.count(0) || !used.count(a.input - 1)) << text(a);
    }
    ASSERT_EQ(has("output_padding_not_below_stride"), a.output_padding >= a.stride) << text(a);
    if (has("empty_output_padding")) {
      ASSERT_TRUE(scatter.output.back().empty()) << text(a);
    }
  });
}

TEST(Advice, LostRemainder) {
  tools::arith::Layer layer;
  layer.convolution = {{6, 3, 2, 1, 1, 1}};
  layer.axes = {*transposed_partner(layer.convolution[0])};
  for (const tools::arith::Warning& w : tools::arith::warnings_of(layer)) EXPECT_STRNE(w.code, "remainder_lost");
  layer.axes[0].output_padding = 0;
  EXPECT_STREQ(tools::arith::warnings_of(layer).back().code, "remainder_lost");
}

TEST(ArithJson, TwoAxes) {
  tools::arith::Layer layer;
  layer.axes = {{8, 4, 2, 1, 1, 1, 0}, {3, 3, 2, 1, 1, 1, 1}};
  layer.in_channels = 6;
  layer.out_channels = 4;
  layer.groups = 2;
  const nlohmann::ordered_json json = tools::arith::to_json(layer);
  EXPECT_EQ(json["output_size"], nlohmann::ordered_json({16, 6}));
  EXPECT_EQ(json["phases"].size(), 2u);
  EXPECT_EQ(json["multiplications"]["channel_pairs"], 12);
  EXPECT_EQ(json["multiplications"]["phases"], 30 * 8);
  EXPECT_EQ(json["equivalent_convolution"][1]["pad_end"], 2);
}

TEST(ArithJson, HugeStridesListSomePhases) {
  tools::arith::Layer layer;
  layer.axes = {{2, 1000000, 1000000, 1, 0, 0, 0}};
  const nlohmann::ordered_json json = tools::arith::to_json(layer);
  EXPECT_EQ(json["phases"][0].size(), 4096u);
  EXPECT_EQ(json["phases_total"][0], 1000000);
}

}  // namespace
}  // namespace tconv
