// Counts of multiplications against enumeration of every product.
#include <gtest/gtest.h>

#include "small_axes.hpp"

namespace tconv {
namespace {

// Every product of the stride-1 convolution over the stretched input, sorted by what its input factor is.
Multiplications enumerate(const Axis& a, const Scatter& scatter) {
  Multiplications m;
  m.scatter = scatter.products;
  for (const auto& products : scatter.output) m.phases += static_cast<int64_t>(products.size());
  m.cropped = m.scatter - m.phases;
  std::set<int64_t> inputs;
  for (int64_t i = 0; i < a.input; ++i) inputs.insert(i * a.stride);
  for (int64_t o = 0; o < static_cast<int64_t>(scatter.output.size()); ++o)
    for (int64_t t = 0; t < a.kernel; ++t) {
      const int64_t cell = o + a.pad_begin - a.dilation * t;
      ++m.zero_insertion;
      if (cell < 0 || cell > *inputs.rbegin()) {
        ++m.border_zeros;
      } else if (!inputs.count(cell)) {
        ++m.inserted_zeros;
      }
    }
  return m;
}

TEST(Work, CountsAgainstEnumeration) {
  int64_t tested = 0;
  for_each_small_axis([&](const Axis& a) {
    const Scatter scatter(a);
    const Result<Multiplications> m = count_multiplications(&a, 1);
    ASSERT_EQ(m.ok(), !scatter.output.empty()) << text(a);
    if (!m.ok()) return;
    const Multiplications e = enumerate(a, scatter);
    ASSERT_EQ(m->zero_insertion, e.zero_insertion) << text(a);
    ASSERT_EQ(m->inserted_zeros, e.inserted_zeros) << text(a);
    ASSERT_EQ(m->border_zeros, e.border_zeros) << text(a);
    ASSERT_EQ(m->phases, e.phases) << text(a);
    ASSERT_EQ(m->scatter, e.scatter) << text(a);
    ASSERT_EQ(m->cropped, e.cropped) << text(a);
    ++tested;
  });
  report_cases("axes, multiplications against enumeration", tested);
}

TEST(Work, SeveralAxesMultiply) {
  const Axis axes[2] = {{3, 3, 2, 1, 1, 1, 1}, {4, 4, 2, 1, 1, 1, 0}};
  int64_t met = 0, inside = 0, all = 0;
  const Scatter y(axes[0]), x(axes[1]);
  for (int64_t oy = 0; oy < static_cast<int64_t>(y.output.size()); ++oy)
    for (int64_t ox = 0; ox < static_cast<int64_t>(x.output.size()); ++ox) {
      met += static_cast<int64_t>(y.output[static_cast<size_t>(oy)].size() * x.output[static_cast<size_t>(ox)].size());
      for (int64_t ty = 0; ty < 3; ++ty)
        for (int64_t tx = 0; tx < 4; ++tx) {
          const int64_t cy = oy + 1 - ty, cx = ox + 1 - tx;
          ++all;
          inside += cy >= 0 && cy <= 4 && cx >= 0 && cx <= 6;
        }
    }
  const Result<Multiplications> m = count_multiplications(axes, 2);
  ASSERT_TRUE(m.ok());
  EXPECT_EQ(m->zero_insertion, all);
  EXPECT_EQ(m->phases, met);
  EXPECT_EQ(m->border_zeros, all - inside);
  EXPECT_EQ(m->inserted_zeros, inside - met);
  EXPECT_EQ(m->scatter, 3 * 3 * 4 * 4);
  EXPECT_DOUBLE_EQ(m->wasted_share(), static_cast<double>(all - met) / static_cast<double>(all));
}

TEST(Work, HugeSizesTakeNoTimeAndOverflowIsAnError) {
  // k = s: every product lands in its own cell, nothing is lost.
  const Axis tiled{int64_t{1} << 30, 1024, 1024, 1, 0, 0, 0};
  const Result<Multiplications> m = count_multiplications(&tiled, 1);
  ASSERT_TRUE(m.ok());
  EXPECT_EQ(m->phases, int64_t{1} << 40);
  EXPECT_EQ(m->zero_insertion, int64_t{1} << 50);
  EXPECT_EQ(m->cropped, 0);
  // Stride 1: inputs times taps without those in the two triangles cut off, p (p + 1) / 2 products each.
  const int64_t p = 1000000;
  const Axis unit{int64_t{1} << 32, 2000001, 1, 1, p, p, 0};
  const Result<Multiplications> n = count_multiplications(&unit, 1);
  ASSERT_TRUE(n.ok());
  EXPECT_EQ(n->cropped, p * (p + 1));
  const Axis huge{int64_t{1} << 40, int64_t{1} << 40, 1, 1, 0, 0, 0};
  EXPECT_EQ(count_multiplications(&huge, 1).status().code(), StatusCode::overflow);
}

}  // namespace
}  // namespace tconv
