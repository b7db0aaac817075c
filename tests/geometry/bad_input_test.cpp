// Numbers that cannot be a layer: one line that names the field, the value and what would fit.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

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
