// Output sizes of transposed convolutions against enumeration, and the questions that go backwards from an output size.
#include <gtest/gtest.h>

#include "small_axes.hpp"

namespace tconv {
namespace {

TEST(Sizes, OutputSizeIsTheNumberOfCellsLeft) {
  int64_t empty = 0;
  const int64_t cases = for_each_small_axis([&](const Axis& a) {
    const int64_t expected = static_cast<int64_t>(Scatter(a).output.size());
    int64_t size = -1;
    const Status status = output_size(a, "", &size);
    if (expected == 0) {
      ++empty;
      ASSERT_EQ(status.code(), StatusCode::invalid_argument) << text(a);
      ASSERT_EQ(size, -1) << text(a);
    } else {
      ASSERT_TRUE(status.ok()) << text(a) << ": " << status.message();
      ASSERT_EQ(size, expected) << text(a);
    }
  });
  report_cases("axes, output size against enumeration", cases);
  EXPECT_GT(empty, quick_run() ? 1000 : 1000);
  EXPECT_GT(cases, quick_run() ? 1000 : 100000);
}

// Backwards: every output size that enumeration finds for some input and output padding is found again, and nothing else is.
TEST(Sizes, InputsAndOutputPaddingForAnOutput) {
  int64_t cases = 0;
  for (int64_t k = 1; k <= 6; ++k)
    for (int64_t s = 1; s <= 6; ++s)
      for (int64_t d = 1; d <= 6; ++d)
        for (int64_t pb = 0; pb <= 4; ++pb)
          for (int64_t pe = 0; pe <= 4; ++pe) {
            // found[o][i] = the output padding with which i inputs give o outputs. Outputs up to 12 need at most 12 + 8 inputs.
            std::map<int64_t, std::map<int64_t, int64_t>> found;
            for (int64_t i = 1; i <= 20; ++i)
              for (int64_t op = 0; op < std::max(s, d); ++op) {
                const int64_t o = static_cast<int64_t>(Scatter(Axis{i, k, s, d, pb, pe, op}).output.size());
                if (o >= 1) found[o][i] = op;
              }
            for (int64_t o = 1; o <= 12; ++o, ++cases) {
              Axis a{1, k, s, d, pb, pe, 0};
              const Result<SizeRange> range = inputs_for(a, o);
              ASSERT_EQ(range.ok(), found.count(o) == 1) << text(a) << " o=" << o;
              if (range.ok()) {
                ASSERT_EQ(range->first, found[o].begin()->first) << text(a) << " o=" << o;
                ASSERT_EQ(range->last, found[o].rbegin()->first) << text(a) << " o=" << o;
                ASSERT_EQ(range->last - range->first + 1, static_cast<int64_t>(found[o].size())) << text(a) << " o=" << o;
              }
              for (a.input = 1; a.input <= 20; ++a.input) {
                const Result<int64_t> op = output_padding_for(a, o);
                const bool possible = found.count(o) && found[o].count(a.input);
                ASSERT_EQ(op.ok(), possible) << text(a) << " o=" << o;
                if (possible) {
                  ASSERT_EQ(*op, found[o][a.input]) << text(a) << " o=" << o;
                }
              }
            }
          }
  report_cases("wanted outputs, inputs and output padding against enumeration", cases);
}

TEST(Sizes, AutoPadAndWantedOutputGiveThatOutput) {
  const int64_t cases = for_each_small_axis([&](const Axis& given) {
    if (given.pad_begin != given.pad_end || given.pad_begin > 2) return;  // overridden anyway
    const int64_t natural = static_cast<int64_t>(
        Scatter(Axis{given.input, given.kernel, given.stride, given.dilation, 0, 0, given.output_padding}).output.size());
    for (const AutoPad pad : {AutoPad::same_upper, AutoPad::same_lower, AutoPad::notset}) {
      for (int64_t wanted = pad == AutoPad::notset ? 1 : 0; wanted <= 9; wanted += 3) {
        const int64_t target = wanted == 0 ? given.stride * given.input : wanted;
        Axis a = given;
        ASSERT_TRUE(resolve_padding(pad, wanted, "", &a).ok()) << text(given);
        ASSERT_EQ(static_cast<int64_t>(Scatter(a).output.size()), target) << text(given) << " wanted " << wanted;
        if (target > natural) {
          ASSERT_EQ(a.pad_begin + a.pad_end, 0) << text(given);
          continue;
        }
        // Both ends lose the same, save one cell: at the end for same_upper, at the beginning otherwise.
        const int64_t more_at_end = a.pad_end - a.pad_begin;
        ASSERT_EQ(more_at_end, (natural - target) % 2 == 0 ? 0 : pad == AutoPad::same_upper ? 1 : -1) << text(given);
      }
    }
    Axis valid = given;
    ASSERT_TRUE(resolve_padding(AutoPad::valid, 0, "", &valid).ok());
    ASSERT_EQ(valid.pad_begin + valid.pad_end, 0);
  });
  EXPECT_GT(cases, quick_run() ? 1000 : 100000);
}

TEST(Sizes, OutputSizesNamesTheAxisAndWritesAllOrNothing) {
  const Axis axes[3] = {{4, 3, 2, 1, 1, 1, 1}, {5, 2, 2, 1, 0, 0, 0}, {3, 3, 1, 2, 0, 0, 0}};
  int64_t sizes[3] = {-1, -1, -1};
  ASSERT_TRUE(output_sizes(axes, 3, sizes).ok());
  EXPECT_EQ(sizes[0], 8);
  EXPECT_EQ(sizes[1], 10);
  EXPECT_EQ(sizes[2], 7);
  Axis broken[2] = {axes[0], axes[1]};
  broken[1].stride = 0;
  int64_t untouched[2] = {-1, -1};
  const Status status = output_sizes(broken, 2, untouched);
  EXPECT_STREQ(status.message(), "axis[1].stride = 0: must be at least 1");
  EXPECT_EQ(untouched[0], -1);
}

}  // namespace
}  // namespace tconv
