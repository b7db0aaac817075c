// Numbers that cannot be a layer: one line that names the field, the value and what would fit.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "small_axes.hpp"
#include "tconv/geometry.hpp"

namespace tconv {
namespace {

std::string message(const Axis& a) {
  int64_t size = -1;
  const Status s = output_size(a, "", &size);
  EXPECT_FALSE(s.ok());
  EXPECT_EQ(size, -1);
  EXPECT_EQ(std::strchr(s.message(), '\n'), nullptr);
  return s.message();
}

TEST(BadInput, TransposedAxis) {
  EXPECT_EQ(message({0, 3, 1, 1, 0, 0, 0}), "input = 0: must be at least 1");
  EXPECT_EQ(message({4, 0, 1, 1, 0, 0, 0}), "kernel = 0: must be at least 1");
  EXPECT_EQ(message({4, 3, -2, 1, 0, 0, 0}), "stride = -2: must be at least 1");
  EXPECT_EQ(message({4, 3, 1, 0, 0, 0, 0}), "dilation = 0: must be at least 1");
  EXPECT_EQ(message({4, 3, 1, 1, -1, 0, 0}), "pad_begin = -1: must not be negative");
  EXPECT_EQ(message({4, 3, 1, 1, 0, -1, 0}), "pad_end = -1: must not be negative");
  EXPECT_EQ(message({4, 3, 2, 1, 0, 0, -1}), "output_padding = -1: must not be negative");
  EXPECT_EQ(message({4, 3, 2, 1, 0, 0, 2}), "output_padding = 2: must be smaller than max(stride, dilation) = 2");
  EXPECT_EQ(message({2, 3, 1, 1, 2, 2, 0}),
            "padding leaves no output: pad_begin + pad_end = 2 + 2, uncropped output is 4, so they may cut off at most 3");
}

TEST(BadInput, OverflowIsSeen) {
  const int64_t max = std::numeric_limits<int64_t>::max();
  for (const Axis& a : {Axis{max, 3, 2, 1, 0, 0, 0}, Axis{2, max, 1, max, 0, 0, 0}, Axis{max, max, max, max, max, max, max - 1},
                        Axis{4, 3, 2, 1, max, max, 0}}) {
    int64_t size = 0;
    EXPECT_EQ(output_size(a, "", &size).code(), StatusCode::overflow);
    EXPECT_FALSE(count_multiplications(&a, 1).ok());
    EXPECT_FALSE(convolution_partner(a).ok());
  }
  EXPECT_EQ(convolution_output({max, 3, 1, 1, 1, 0}).status().code(), StatusCode::overflow);
  EXPECT_EQ(convolution_inputs_for({1, 3, max, 1, 0, 0}, 3).status().code(), StatusCode::overflow);
  EXPECT_EQ(inputs_for({1, max, 1, 2, 0, 0, 0}, 3).status().code(), StatusCode::overflow);
  EXPECT_EQ(guide::transposed_padding(max, 3, 2, 0).status().code(), StatusCode::overflow);
  EXPECT_EQ(guide::padding(max, 3, 2, max).status().code(), StatusCode::overflow);
}

// Numbers from everywhere in 64 bits: nothing overflows (the sanitizer's builds watch), and what is accepted hangs together.
TEST(BadInput, ExtremeNumbers) {
  constexpr unsigned seed = 5;
  std::mt19937_64 random(seed);
  const auto number = [&]() -> int64_t {
    const int64_t small = static_cast<int64_t>(random() % 8);
    switch (random() % 7) {
      case 0:
        return -small;
      case 1:
        return std::numeric_limits<int64_t>::max() - small;
      case 2:
        return std::numeric_limits<int64_t>::min() + small;
      case 3:
        return int64_t{1} << (random() % 63);
      case 4:
        return static_cast<int64_t>(random() % 100000);
      default:
        return small;
    }
  };
  int64_t valid = 0;
  for (int n = 0; n < 400000; ++n) {
    const Axis a{number(), number(), number(), number(), number(), number(), number()};
    const int64_t wanted = number();
    const ConvolutionAxis c{a.input, a.kernel, a.stride, a.dilation, a.pad_begin, a.pad_end};
    const Result<int64_t> windows = convolution_output(c);
    ASSERT_EQ(lost_remainder(c).ok(), windows.ok());
    if (const Result<SizeRange> inputs = convolution_inputs_for(c, windows.ok() ? *windows : wanted); windows.ok() && inputs.ok()) {
      ASSERT_TRUE(inputs->first <= c.input && c.input <= inputs->last) << text(a) << " seed " << seed;
    }
    for (const AutoPad pad : {AutoPad::same_upper, AutoPad::notset}) {
      ConvolutionAxis same = c;
      Axis padded = a;
      if (pad_convolution(pad, &same).ok() && pad == AutoPad::same_upper) {
        const Result<int64_t> covered = convolution_output(same);
        ASSERT_TRUE(covered.ok()) << text(same) << ": " << covered.status().message() << ", seed " << seed;
        ASSERT_EQ(*covered, (c.input - 1) / c.stride + 1) << text(same) << " seed " << seed;
      }
      if (resolve_padding(pad, pad == AutoPad::notset ? wanted : 0, "", &padded).ok() && wanted > 0) {
        ASSERT_GE(padded.output_padding, a.output_padding) << text(a) << " seed " << seed;
      }
    }
    (void)guide::padding(a.input, a.kernel, a.stride, a.pad_begin);
    (void)guide::dilated(a.input, a.kernel, a.stride, a.pad_begin, a.dilation);
    (void)guide::full_padding_unit_stride(a.input, a.kernel);
    (void)guide::transposed_remainder(a.input, a.kernel, a.stride, a.pad_begin, a.output_padding);
    (void)count_multiplications(&a, 1);
    int64_t size = 0;
    if (!output_size(a, "", &size).ok()) continue;
    ++valid;
    if (const Result<SizeRange> inputs = inputs_for(a, size); inputs.ok()) {
      ASSERT_TRUE(inputs->first <= a.input && a.input <= inputs->last) << text(a) << " seed " << seed;
      ASSERT_EQ(output_padding_for(a, size).value(), a.output_padding) << text(a) << " seed " << seed;
    }
    const Phase phase = phase_of(a, static_cast<int64_t>(random() % static_cast<uint64_t>(a.stride)));
    if (phase.q_begin < phase.q_end) {
      ASSERT_GE(phase_output(a, phase, phase.q_begin), 0) << text(a) << " seed " << seed;
      ASSERT_LT(phase_output(a, phase, phase.q_end - 1), size) << text(a) << " seed " << seed;
      const TapRange taps = taps_inside(a, phase, phase.q_begin);
      int64_t input = 0;
      if (taps.begin < taps.end) {
        ASSERT_TRUE(input_met(a, phase_output(a, phase, phase.q_begin), phase_tap(phase, taps.begin), &input)) << text(a);
        ASSERT_EQ(input, phase_input(phase, phase.q_begin, taps.begin)) << text(a) << " seed " << seed;
      }
    }
  }
  EXPECT_GT(valid, 1000);
}

TEST(BadInput, ContradictorySizesSayWhatWouldFit) {
  EXPECT_STREQ(output_padding_for({4, 3, 2, 1, 1, 1, 0}, 20).status().message(),
               "output = 20: input = 4 gives stride * (input - 1) + dilation * (kernel - 1) + 1 - pad_begin - pad_end = 7, up to 8 "
               "with output_padding; input = 10 would fit");
  EXPECT_STREQ(inputs_for({1, 5, 2, 1, 0, 0, 0}, 3).status().message(),
               "output = 3: no input size gives it; the smallest output, dilation * (kernel - 1) + 1 - pad_begin - pad_end, is 5");
  EXPECT_STREQ(convolution_inputs_for({1, 3, 1, 1, 4, 4}, 2).status().message(),
               "output = 2: no input size gives it; with this padding the smallest output is 7");
}

TEST(BadInput, Convolution) {
  EXPECT_STREQ(convolution_output({4, 3, 0, 1, 0, 0}).status().message(), "stride = 0: must be at least 1");
  EXPECT_STREQ(convolution_output({4, 3, 1, 2, 0, 0}).status().message(),
               "kernel does not fit: dilation * (kernel - 1) + 1 = 5 is longer than input + pad_begin + pad_end = 4");
}

TEST(BadInput, Guide) {
  EXPECT_STREQ(guide::half_padding_unit_stride(4, 2).status().message(), "k = 2: half padding needs an odd kernel, k = 2n + 1");
  EXPECT_STREQ(guide::transposed_remainder(4, 3, 2, 1, 2).status().message(),
               "a = 2: is (i + 2p - k) mod s of the convolution, so 0 <= a < s = 2");
  EXPECT_STREQ(guide::transposed_full_padding_unit_stride(2, 3).status().message(), "o = i' - (k - 1) = 0: must be at least 1");
  EXPECT_STREQ(guide::no_padding(2, 3, 1).status().message(),
               "i - k = -1: must not be negative, the kernel is longer than its input");
}

}  // namespace
}  // namespace tconv
