// The ordinary convolution: sizes both ways, "same" padding, the lost remainder; and its partner, whose matrix is the transpose.
#include <gtest/gtest.h>

#include "small_axes.hpp"

namespace tconv {
namespace {

// Every convolution with sizes up to 8 and the same padding at both ends, and up to 5 with any two paddings.
int64_t for_each_small_convolution(const std::function<void(const ConvolutionAxis&)>& visit) {
  int64_t cases = 0;
  for_each_small_axis([&](const Axis& a) {
    if (a.output_padding != 0) return;
    visit(ConvolutionAxis{a.input, a.kernel, a.stride, a.dilation, a.pad_begin, a.pad_end});
    ++cases;
  });
  return cases;
}

TEST(Convolution, OutputAndRemainderAgainstSlidingTheWindow) {
  const int64_t cases = for_each_small_convolution([](const ConvolutionAxis& c) {
    const Windows windows(c);
    const Result<int64_t> output = convolution_output(c);
    const Result<int64_t> remainder = lost_remainder(c);
    ASSERT_EQ(output.ok(), !windows.window.empty()) << text(c);
    ASSERT_EQ(remainder.ok(), output.ok()) << text(c);
    if (!output.ok()) return;
    ASSERT_EQ(*output, static_cast<int64_t>(windows.window.size())) << text(c);
    ASSERT_EQ(*remainder, windows.unread) << text(c);
  });
  report_cases("convolutions, output size and remainder against sliding windows", cases);
  EXPECT_GT(cases, quick_run() ? 1000 : 30000);
}

TEST(Convolution, InputsForAnOutput) {
  int64_t cases = 0;
  for (int64_t k = 1; k <= 8; ++k)
    for (int64_t s = 1; s <= 8; ++s)
      for (int64_t d = 1; d <= 4; ++d)
        for (int64_t pb = 0; pb <= 4; ++pb)
          for (int64_t pe = 0; pe <= 4; ++pe) {
            std::map<int64_t, std::set<int64_t>> inputs;
            for (int64_t i = 1; i <= 3 * 8 + 4 * 7 + 1; ++i) {
              const size_t o = Windows({i, k, s, d, pb, pe}).window.size();
              if (o >= 1) inputs[static_cast<int64_t>(o)].insert(i);
            }
            for (int64_t o = 1; o <= 3; ++o, ++cases) {
              const ConvolutionAxis c{1, k, s, d, pb, pe};
              const Result<SizeRange> range = convolution_inputs_for(c, o);
              ASSERT_EQ(range.ok(), inputs.count(o) == 1) << text(c) << " o=" << o;
              if (!range.ok()) continue;
              ASSERT_EQ(range->first, *inputs[o].begin()) << text(c) << " o=" << o;
              ASSERT_EQ(range->last, *inputs[o].rbegin()) << text(c) << " o=" << o;
            }
          }
  report_cases("wanted outputs, input sizes against enumeration", cases);
}

// "Same": as many windows as strides start inside the input; with the least padding that does it, the odd cell where asked.
TEST(Convolution, SamePadding) {
  for_each_small_convolution([](const ConvolutionAxis& given) {
    if (given.pad_begin + given.pad_end != 0) return;
    size_t wanted = 0;
    for (int64_t start = 0; start < given.input; start += given.stride) ++wanted;
    for (const AutoPad pad : {AutoPad::same_upper, AutoPad::same_lower}) {
      ConvolutionAxis c = given;
      ASSERT_TRUE(pad_convolution(pad, &c).ok());
      ASSERT_EQ(Windows(c).window.size(), wanted) << text(c);
      const int64_t more_at_end = c.pad_end - c.pad_begin;
      ASSERT_TRUE(more_at_end == 0 || more_at_end == (pad == AutoPad::same_upper ? 1 : -1)) << text(c);
      if (c.pad_begin + c.pad_end > 0) {
        ConvolutionAxis less = c;
        --(c.pad_end > 0 ? less.pad_end : less.pad_begin);
        ASSERT_LT(Windows(less).window.size(), wanted) << text(c) << ": less padding would do";
      }
    }
    ConvolutionAxis valid = given;
    valid.pad_begin = 3;
    ASSERT_TRUE(pad_convolution(AutoPad::valid, &valid).ok());
    ASSERT_EQ(valid.pad_begin + valid.pad_end, 0);
  });
}

using Matrix = std::map<std::pair<int64_t, int64_t>, std::set<int64_t>>;  // (row, column) -> the taps in that element

// C of the convolution: row o, column m holds the tap with which output o reads input m.
Matrix matrix_of(const ConvolutionAxis& c) {
  Matrix matrix;
  const Windows windows(c);
  for (size_t o = 0; o < windows.window.size(); ++o)
    for (size_t t = 0; t < windows.window[o].size(); ++t)
      if (const int64_t m = windows.window[o][t]; m >= 0) matrix[{static_cast<int64_t>(o), m}].insert(static_cast<int64_t>(t));
  return matrix;
}

// The layer's matrix: row = output, column = input, by the library's own statement of who meets whom.
Matrix matrix_of(const Axis& a, int64_t outputs) {
  Matrix matrix;
  for (int64_t o = 0; o < outputs; ++o)
    for (int64_t t = 0; t < a.kernel; ++t)
      if (int64_t m = 0; input_met(a, o, t, &m)) matrix[{o, m}].insert(t);
  return matrix;
}

Matrix transposed(const Matrix& matrix) {
  Matrix result;
  for (const auto& [at, taps] : matrix) result[{at.second, at.first}] = taps;
  return result;
}

TEST(Convolution, PartnersMatrixIsTheTranspose) {
  int64_t tested = 0;
  for_each_small_convolution([&](const ConvolutionAxis& c) {
    const Result<Axis> partner = transposed_partner(c);
    ASSERT_EQ(partner.ok(), !Windows(c).window.empty()) << text(c);
    if (!partner.ok()) return;
    int64_t size = 0;
    ASSERT_TRUE(output_size(*partner, "", &size).ok()) << text(c);
    ASSERT_EQ(size, c.input) << text(c) << ": the partner must come back to the input size";
    ASSERT_EQ(matrix_of(*partner, size), transposed(matrix_of(c))) << text(c);
    ++tested;
  });
  report_cases("convolutions whose partner has the transposed matrix", tested);
  EXPECT_GT(tested, quick_run() ? 1000 : 20000);
}

TEST(Convolution, EveryLayerIsTheTransposeOfItsPartner) {
  int64_t tested = 0;
  for_each_small_axis([&](const Axis& a) {
    int64_t size = 0;
    const Result<ConvolutionAxis> partner = convolution_partner(a);
    ASSERT_EQ(partner.ok(), output_size(a, "", &size).ok()) << text(a);
    if (!partner.ok()) return;
    ASSERT_EQ(partner->input, size);
    const Windows windows(*partner);
    // op >= s (only with d > s) makes room for op / s more windows, whose inputs the layer does not have.
    ASSERT_EQ(static_cast<int64_t>(windows.window.size()), a.input + a.output_padding / a.stride) << text(a);
    Matrix expected;
    for (const auto& [at, taps] : matrix_of(*partner))
      if (at.first < a.input) expected[{at.second, at.first}] = taps;
    ASSERT_EQ(matrix_of(a, size), expected) << text(a);
    ++tested;
  });
  report_cases("layers that are the transpose of their partner's matrix", tested);
  EXPECT_GT(tested, quick_run() ? 1000 : 100000);
}

}  // namespace
}  // namespace tconv
