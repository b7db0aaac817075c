// The guide's fifteen relationships: each against enumeration over all small parameters, on its conditions and nowhere else.
#include <gtest/gtest.h>

#include "small_axes.hpp"

namespace tconv {
namespace {

constexpr int64_t limit = 10;

int64_t slide(int64_t i, int64_t k, int64_t s, int64_t p, int64_t d = 1) {
  return static_cast<int64_t>(Windows({i, k, s, d, p, p}).window.size());
}
int64_t spread(int64_t i, int64_t k, int64_t s, int64_t p, int64_t a = 0) {
  return static_cast<int64_t>(Scatter(Axis{i, k, s, 1, p, p, a}).output.size());
}

template <typename Visit>
void for_each(Visit visit) {
  for (int64_t i = 1; i <= limit; ++i)
    for (int64_t k = 1; k <= limit; ++k) visit(i, k);
}

// `expected` 0: the layer does not exist and the relationship must say so.
void expect(const Result<int64_t>& result, int64_t expected, int64_t i, int64_t k, int64_t s = 1, int64_t p = 0, int64_t d = 1) {
  ASSERT_EQ(result.ok(), expected > 0) << "i=" << i << " k=" << k << " s=" << s << " p=" << p << " d=" << d;
  if (!result.ok()) return;
  ASSERT_EQ(*result, expected) << "i=" << i << " k=" << k << " s=" << s << " p=" << p << " d=" << d;
}

// Besides the size: the equivalent convolution is carried out on the stretched input, with ordinary sliding windows.
void expect(const Result<guide::Transposed>& result, int number, const Axis& a) {
  const int64_t expected = static_cast<int64_t>(Scatter(a).output.size());
  ASSERT_EQ(result.ok(), expected > 0) << text(a);
  if (!result.ok()) return;
  ASSERT_EQ(result->output, expected) << text(a);
  const EquivalentConvolution& e = result->equivalent;
  ASSERT_EQ(e.kernel, a.kernel) << text(a);
  ASSERT_EQ(e.stride, 1) << text(a);
  ASSERT_EQ(e.stretched_input, a.input + (a.stride - 1) * (a.input - 1)) << text(a);
  ASSERT_EQ(e.inserted_zeros, a.stride - 1) << text(a);
  if (e.pad_begin >= 0 && e.pad_end >= 0) {  // p <= k - 1, the guide's own range
    const ConvolutionAxis slid{e.stretched_input, e.kernel, 1, 1, e.pad_begin, e.pad_end};
    ASSERT_EQ(static_cast<int64_t>(Windows(slid).window.size()), expected) << text(a);
  }
  const EquivalentConvolution general = equivalent_convolution(a);
  ASSERT_EQ(e.pad_begin, general.pad_begin) << text(a);
  ASSERT_EQ(e.pad_end, general.pad_end) << text(a);
  // relationship_of() names the most special one; this one holds too, so it is that or a more general one.
  const int special = guide::relationship_of(a);
  ASSERT_TRUE(special == number || special < number || (special >= 10 && special <= 11 && number == 9))
      << text(a) << " " << special;
}

TEST(Guide, Relationship01NoPaddingUnitStride) {
  for_each([](int64_t i, int64_t k) { expect(guide::no_padding_unit_stride(i, k), slide(i, k, 1, 0), i, k); });
}

TEST(Guide, Relationship02PaddingUnitStride) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t p = 0; p <= limit; ++p) expect(guide::padding_unit_stride(i, k, p), slide(i, k, 1, p), i, k, 1, p);
  });
}

TEST(Guide, Relationship03HalfPadding) {
  for_each([](int64_t i, int64_t k) {
    const Result<int64_t> o = guide::half_padding_unit_stride(i, k);
    if (k % 2 == 0) {
      ASSERT_FALSE(o.ok());
      return;
    }
    expect(o, slide(i, k, 1, (k - 1) / 2), i, k);
    ASSERT_EQ(*o, i);
  });
}

TEST(Guide, Relationship04FullPadding) {
  for_each([](int64_t i, int64_t k) { expect(guide::full_padding_unit_stride(i, k), slide(i, k, 1, k - 1), i, k); });
}

TEST(Guide, Relationship05NoPaddingStrided) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t s = 1; s <= limit; ++s) expect(guide::no_padding(i, k, s), slide(i, k, s, 0), i, k, s);
  });
}

TEST(Guide, Relationship06PaddingStrided) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t s = 1; s <= limit; ++s)
      for (int64_t p = 0; p <= limit; ++p) expect(guide::padding(i, k, s, p), slide(i, k, s, p), i, k, s, p);
  });
}

TEST(Guide, Relationship07Pooling) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t s = 1; s <= limit; ++s) expect(guide::pooling(i, k, s), slide(i, k, s, 0), i, k, s);
  });
}

TEST(Guide, Relationship08TransposedNoPaddingUnitStride) {
  for_each([](int64_t i, int64_t k) {
    expect(guide::transposed_no_padding_unit_stride(i, k), 8, {i, k, 1, 1, 0, 0, 0});
    ASSERT_EQ(guide::transposed_no_padding_unit_stride(i, k)->equivalent.pad_begin, k - 1);
  });
}

TEST(Guide, Relationship09TransposedPaddingUnitStride) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t p = 0; p <= limit; ++p) expect(guide::transposed_padding_unit_stride(i, k, p), 9, {i, k, 1, 1, p, p, 0});
  });
}

TEST(Guide, Relationship10TransposedHalfPadding) {
  for_each([](int64_t i, int64_t k) {
    const Result<guide::Transposed> t = guide::transposed_half_padding_unit_stride(i, k);
    if (k % 2 == 0) {
      ASSERT_FALSE(t.ok());
      return;
    }
    const int64_t p = (k - 1) / 2;
    expect(t, 10, {i, k, 1, 1, p, p, 0});
    ASSERT_EQ(t->equivalent.pad_begin, p);
    ASSERT_EQ(t->output, i);
  });
}

TEST(Guide, Relationship11TransposedFullPadding) {
  for_each([](int64_t i, int64_t k) {
    const Result<guide::Transposed> t = guide::transposed_full_padding_unit_stride(i, k);
    expect(t, 11, {i, k, 1, 1, k - 1, k - 1, 0});
    if (t.ok()) {
      ASSERT_EQ(t->equivalent.pad_begin, 0);
    }
  });
}

TEST(Guide, Relationship12TransposedNoPaddingStrided) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t s = 1; s <= limit; ++s) expect(guide::transposed_no_padding(i, k, s), 12, {i, k, s, 1, 0, 0, 0});
  });
}

TEST(Guide, Relationship13TransposedPaddingStrided) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t s = 1; s <= limit; ++s)
      for (int64_t p = 0; p <= limit; ++p) expect(guide::transposed_padding(i, k, s, p), 13, {i, k, s, 1, p, p, 0});
  });
}

TEST(Guide, Relationship14TransposedRemainder) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t s = 1; s <= limit; ++s)
      for (int64_t p = 0; p <= limit; ++p)
        for (int64_t a = -1; a <= s; ++a) {
          const Result<guide::Transposed> t = guide::transposed_remainder(i, k, s, p, a);
          if (a < 0 || a == s) {
            ASSERT_FALSE(t.ok());
          } else {
            expect(t, 14, {i, k, s, 1, p, p, a});
          }
        }
  });
}

TEST(Guide, Relationship15Dilated) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t s = 1; s <= 5; ++s)
      for (int64_t p = 0; p <= limit; ++p)
        for (int64_t d = 1; d <= 5; ++d) expect(guide::dilated(i, k, s, p, d), slide(i, k, s, p, d), i, k, s, p, d);
  });
}

// There and back: convolve, then transpose with the remainder, for all of 6 and 14 together.
TEST(Guide, TheRemainderBringsEveryInputSizeBack) {
  for_each([](int64_t i, int64_t k) {
    for (int64_t s = 1; s <= limit; ++s)
      for (int64_t p = 0; p <= limit; ++p) {
        const Result<int64_t> o = guide::padding(i, k, s, p);
        if (!o.ok()) continue;
        const Result<guide::Transposed> back = guide::transposed_remainder(*o, k, s, p, (i + 2 * p - k) % s);
        ASSERT_TRUE(back.ok());
        ASSERT_EQ(back->output, i);
        ASSERT_EQ(spread(*o, k, s, p, (i + 2 * p - k) % s), i);
      }
  });
}

// The worked examples printed in the guide's figures.
TEST(Guide, WorkedExamples) {
  EXPECT_EQ(*guide::no_padding_unit_stride(4, 3), 2);
  EXPECT_EQ(*guide::padding_unit_stride(5, 4, 2), 6);
  EXPECT_EQ(*guide::half_padding_unit_stride(5, 3), 5);
  EXPECT_EQ(*guide::full_padding_unit_stride(5, 3), 7);
  EXPECT_EQ(*guide::no_padding(5, 3, 2), 2);
  EXPECT_EQ(*guide::padding(5, 3, 2, 1), 3);
  EXPECT_EQ(*guide::padding(6, 3, 2, 1), 3);
  EXPECT_EQ(*guide::dilated(7, 3, 1, 0, 2), 3);
  EXPECT_EQ(guide::transposed_no_padding_unit_stride(2, 3)->output, 4);
  EXPECT_EQ(guide::transposed_padding_unit_stride(6, 4, 2)->output, 5);
  EXPECT_EQ(guide::transposed_half_padding_unit_stride(5, 3)->output, 5);
  EXPECT_EQ(guide::transposed_full_padding_unit_stride(7, 3)->output, 5);
  EXPECT_EQ(guide::transposed_no_padding(2, 3, 2)->output, 5);
  EXPECT_EQ(guide::transposed_padding(3, 3, 2, 1)->output, 5);
  EXPECT_EQ(guide::transposed_remainder(3, 3, 2, 1, 1)->output, 6);
  EXPECT_EQ(guide::relationship_of({2, 3, 2, 1, 0, 0, 0}), 12);
  EXPECT_EQ(guide::relationship_of({3, 3, 2, 1, 1, 1, 1}), 14);
  EXPECT_EQ(guide::relationship_of({5, 3, 1, 1, 1, 1, 0}), 10);
  EXPECT_EQ(guide::relationship_of({7, 3, 1, 1, 2, 2, 0}), 11);
  EXPECT_EQ(guide::relationship_of({3, 3, 2, 2, 1, 1, 0}), 0);
}

}  // namespace
}  // namespace tconv
