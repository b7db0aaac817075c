// Zero insertion and phases against enumeration of who touches whom.
#include <gtest/gtest.h>

#include "small_axes.hpp"

namespace tconv {
namespace {

using Products = std::vector<Scatter::Product>;

TEST(Phases, PartitionTheOutputsAndMeetEveryPairOnce) {
  int64_t tested = 0, pairs = 0;
  for_each_small_axis([&](const Axis& a) {
    const Scatter scatter(a);
    if (scatter.output.empty()) return;
    const int64_t outputs = static_cast<int64_t>(scatter.output.size());
    std::vector<int> owners(scatter.output.size(), 0);
    SizeRange taps{a.kernel, 0};
    int64_t sub_kernels = 0;
    for (int64_t r = 0; r < a.stride; ++r) {
      const Phase phase = phase_of(a, r);
      ASSERT_EQ(phase.index, r);
      taps = {std::min(taps.first, phase.taps), std::max(taps.last, phase.taps)};
      sub_kernels += phase.taps;
      for (int64_t q = phase.q_begin; q < phase.q_end; ++q) {
        const int64_t o = phase_output(a, phase, q);
        ASSERT_TRUE(o >= 0 && o < outputs) << text(a) << " phase " << r << " q " << q;
        ++owners[static_cast<size_t>(o)];
        Products met;
        const TapRange inside = taps_inside(a, phase, q);
        ASSERT_TRUE(inside.begin <= inside.end) << text(a);
        for (int64_t j = 0; j < phase.taps; ++j) {
          const int64_t input = phase_input(phase, q, j);
          const bool reads = input >= 0 && input < a.input;
          ASSERT_EQ(reads, j >= inside.begin && j < inside.end) << text(a) << " phase " << r << " q " << q << " tap " << j;
          if (reads) met.emplace_back(input, phase_tap(phase, j));
        }
        std::sort(met.begin(), met.end());
        ASSERT_EQ(met, scatter.output[static_cast<size_t>(o)]) << text(a) << " output " << o;
        pairs += static_cast<int64_t>(met.size());
      }
    }
    for (size_t o = 0; o < owners.size(); ++o) ASSERT_EQ(owners[o], 1) << text(a) << " output " << o;
    ASSERT_EQ(sub_kernels, a.kernel) << text(a) << ": the sub-kernels must share the taps out";
    const SizeRange told = taps_per_phase(a);
    ASSERT_EQ(told.first, taps.first) << text(a);
    ASSERT_EQ(told.last, taps.last) << text(a);
    ++tested;
  });
  report_cases("axes whose phases partition the outputs and meet every pair exactly once", tested);
  report_cases("input-output pairs compared", pairs);
  EXPECT_GT(tested, quick_run() ? 1000 : 100000);
}

TEST(Phases, InputMetAgreesWithScatter) {
  for_each_small_axis([&](const Axis& a) {
    const Scatter scatter(a);
    for (size_t o = 0; o < scatter.output.size(); ++o) {
      Products met;
      for (int64_t t = -1; t <= a.kernel; ++t)
        if (int64_t m = -7; input_met(a, static_cast<int64_t>(o), t, &m)) met.emplace_back(m, t);
      std::sort(met.begin(), met.end());
      ASSERT_EQ(met, scatter.output[o]) << text(a) << " output " << o;
    }
  });
}

// Carries the equivalent convolution out: stretch, pad (or cut), slide the flipped kernel with stride 1.
TEST(Phases, ZeroInsertionIsTheSameLayer) {
  int64_t tested = 0;
  for_each_small_axis([&](const Axis& a) {
    const Scatter scatter(a);
    if (scatter.output.empty()) return;
    const EquivalentConvolution e = equivalent_convolution(a);
    ASSERT_EQ(e.kernel, a.kernel);
    ASSERT_EQ(e.stride, 1);
    ASSERT_EQ(e.dilation, a.dilation);
    ASSERT_EQ(e.inserted_zeros, a.stride - 1);
    std::vector<int64_t> stretched;
    for (int64_t m = 0; m < a.input; ++m) {
      if (m > 0) stretched.insert(stretched.end(), static_cast<size_t>(e.inserted_zeros), -1);
      stretched.push_back(m);
    }
    ASSERT_EQ(static_cast<int64_t>(stretched.size()), e.stretched_input) << text(a);
    // Cell c of the padded input, c counted from the first stretched cell.
    const auto cell = [&](int64_t c) { return c >= 0 && c < e.stretched_input ? stretched[static_cast<size_t>(c)] : -1; };
    const int64_t last_start = e.stretched_input + e.pad_end - effective_kernel(e.kernel, e.dilation);
    int64_t o = 0;
    for (int64_t start = -e.pad_begin; start <= last_start; ++start, ++o) {
      Products met;
      for (int64_t t = 0; t < e.kernel; ++t) {
        const int64_t m = cell(start + e.dilation * t);
        if (m >= 0) met.emplace_back(m, e.kernel - 1 - t);  // flipped
      }
      ASSERT_LT(static_cast<size_t>(o), scatter.output.size()) << text(a);
      ASSERT_EQ(met, scatter.output[static_cast<size_t>(o)]) << text(a) << " output " << o;
    }
    ASSERT_EQ(static_cast<size_t>(o), scatter.output.size()) << text(a);
    ++tested;
  });
  report_cases("axes where zero insertion is the same layer", tested);
}

// Sizes that only formulas can handle. The expected taps solve d * t = index (mod s), found with Python's pow(d, -1, s).
TEST(Phases, HugeStridesAndDilations) {
  struct Case {
    int64_t kernel, stride, dilation, index, taps, first_tap;
  };
  const int64_t tera = int64_t{1} << 40;
  const int64_t exa = int64_t{1} << 60;
  const Case cases[] = {
      {tera, tera - 1, 3, 5, 0, 0},
      {tera, tera, 7, tera - 1, 1, 628292358729},
      {1048576, 4398046511105, 2199023255551, 12345, 0, 0},
      {2147483648, 2 * exa + 1, 2147483647, exa + 3, 0, 0},
      {1000000007, 998244353, 1000003, 998244352, 1, 4909351},
      {tera, tera - 1, 3, 6, 3, 2},
      {2147483648, 4611686018427387904, 2147483647, 165356240819, 1, 77},
  };
  for (const Case& c : cases) {
    const Phase phase = phase_of(Axis{1, c.kernel, c.stride, c.dilation, 0, 0, 0}, c.index);
    EXPECT_EQ(phase.taps, c.taps) << c.stride;
    EXPECT_EQ(phase.first_tap, c.first_tap) << c.stride;
    if (c.taps == 0) continue;
    EXPECT_EQ(phase.input_offset, (c.dilation * c.first_tap - c.index) / c.stride);
  }
}

}  // namespace
}  // namespace tconv
