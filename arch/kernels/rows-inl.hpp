// Operations on rows of numbers: transposition, bias and activation, residual.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
// Four floats of each of kLanes rows, `stride` apart: vector i holds those of the rows i, i + 4, i + 8, ...
HWY_INLINE V LoadFourColumns(const float* from, ptrdiff_t stride) {
#if HWY_TARGET == HWY_AVX3
  const __m512 lower = _mm512_castps256_ps512(_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from)),  //
                                                                   _mm_loadu_ps(from + 4 * stride), 1));
  const __m256 upper =
      _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + 8 * stride)), _mm_loadu_ps(from + 12 * stride), 1);
  return V{_mm512_insertf32x8(lower, upper, 1)};
#else
  return V{_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from)), _mm_loadu_ps(from + 4 * stride), 1)};
#endif
}

// kLanes rows of four columns: whole vectors are stored.
HWY_INLINE void TransposeBlock(const float* f, ptrdiff_t from_stride, float* t, ptrdiff_t to_stride) {
  const D d;
  const hn::Repartition<double, D> pairs;
  const V a0 = LoadFourColumns(f, from_stride);
  const V a1 = LoadFourColumns(f + from_stride, from_stride);
  const V a2 = LoadFourColumns(f + 2 * from_stride, from_stride);
  const V a3 = LoadFourColumns(f + 3 * from_stride, from_stride);
  const auto b0 = hn::BitCast(pairs, hn::InterleaveLower(d, a0, a1));
  const auto b1 = hn::BitCast(pairs, hn::InterleaveLower(d, a2, a3));
  const auto b2 = hn::BitCast(pairs, hn::InterleaveUpper(d, a0, a1));
  const auto b3 = hn::BitCast(pairs, hn::InterleaveUpper(d, a2, a3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, b0, b1)), d, t);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, b0, b1)), d, t + to_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, b2, b3)), d, t + 2 * to_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, b2, b3)), d, t + 3 * to_stride);
}

// The rows in blocks of kLanes. The last columns reach back over those before them, and so does the last block, unless it is less
// than half that are left. Returns how many rows were done.
HWY_INLINE size_t TransposeVectors(const float* from, ptrdiff_t from_stride, size_t rows, size_t columns, float* to,
                                   ptrdiff_t to_stride) {
  if (rows < kLanes || columns < 4) return 0;
  for (size_t r = 0;;) {
    const float* const f = from + static_cast<ptrdiff_t>(r) * from_stride;
    float* t = to + r;
    size_t c = 0;
    for (; c + 4 <= columns; c += 4, t += 4 * to_stride) TransposeBlock(f + c, from_stride, t, to_stride);
    if (c < columns) {
      const ptrdiff_t back = static_cast<ptrdiff_t>(columns - c) - 4;
      TransposeBlock(f + static_cast<ptrdiff_t>(c) + back, from_stride, t + back * to_stride, to_stride);
    }
    r += kLanes;
    if (rows - r < kLanes / 2) return r;
    r = HWY_MIN(r, rows - kLanes);
  }
}
#endif

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
// Three rows interleaved: number j of row i belongs to lane (3 j + i) mod lanes of vector (3 j + i) / lanes. As 3 and the lanes
// have no common divisor, one permutation brings all numbers of a row to their lanes, and of each lane every vector takes one row.
struct ThreeRowLanes {
  alignas(64) int32_t number[3][kLanes] = {};  // of row i, by lane
  alignas(64) int32_t lane[3][kLanes] = {};    // of row i, by number
  constexpr ThreeRowLanes() {
    for (int32_t i = 0; i < 3; ++i) {
      for (int32_t j = 0; j < static_cast<int32_t>(kLanes); ++j) {
        lane[i][j] = (3 * j + i) % static_cast<int32_t>(kLanes);
        number[i][lane[i][j]] = j;
      }
    }
  }
};
constexpr ThreeRowLanes kThreeRowLanes;

struct ThreeRows {
  static HWY_INLINE V ToLanes(V row, size_t i) {
    return hn::TableLookupLanes(row, hn::SetTableIndices(D(), kThreeRowLanes.number[i]));
  }
  static HWY_INLINE V FromLanes(V lanes, size_t i) {
    return hn::TableLookupLanes(lanes, hn::SetTableIndices(D(), kThreeRowLanes.lane[i]));
  }
  // Lane l of argument (l + kFirst) mod 3.
  template <int kFirst>
  static HWY_INLINE V Pick(V a, V b, V c) {
    constexpr unsigned kAll = 0x49249249u;  // every third bit
#if HWY_TARGET == HWY_AVX3
    constexpr __mmask16 kB = static_cast<__mmask16>(kAll << (4 - kFirst) % 3);
    constexpr __mmask16 kC = static_cast<__mmask16>(kAll << (5 - kFirst) % 3);
    return V{_mm512_mask_blend_ps(kC, _mm512_mask_blend_ps(kB, a.raw, b.raw), c.raw)};
#else
    constexpr int kB = static_cast<int>(kAll << (4 - kFirst) % 3 & 0xff);
    constexpr int kC = static_cast<int>(kAll << (5 - kFirst) % 3 & 0xff);
    return V{_mm256_blend_ps(_mm256_blend_ps(a.raw, b.raw, kB), c.raw, kC)};
#endif
  }
};
#endif

// to[3 * j + i] = row i [j]
HWY_INLINE void StoreThreeRows(V a, V b, V c, float* to) {
  const D d;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  a = ThreeRows::ToLanes(a, 0);
  b = ThreeRows::ToLanes(b, 1);
  c = ThreeRows::ToLanes(c, 2);
  hn::StoreU(ThreeRows::Pick<0>(a, b, c), d, to);
  hn::StoreU(ThreeRows::Pick<kLanes % 3>(a, b, c), d, to + kLanes);
  hn::StoreU(ThreeRows::Pick<2 * kLanes % 3>(a, b, c), d, to + 2 * kLanes);
#else
  hn::StoreInterleaved3(a, b, c, d, to);
#endif
}

#if HWY_TARGET != HWY_SCALAR
// The inverse.
HWY_INLINE void LoadThreeRows(const float* from, V& a, V& b, V& c) {
  const D d;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const V x = hn::LoadU(d, from);
  const V y = hn::LoadU(d, from + kLanes);
  const V z = hn::LoadU(d, from + 2 * kLanes);
  // Lane l of vector v belongs to row (v lanes + l) mod 3.
  if constexpr (kLanes % 3 == 1) {
    a = ThreeRows::FromLanes(ThreeRows::Pick<0>(x, z, y), 0);
    b = ThreeRows::FromLanes(ThreeRows::Pick<0>(y, x, z), 1);
    c = ThreeRows::FromLanes(ThreeRows::Pick<0>(z, y, x), 2);
  } else {
    a = ThreeRows::FromLanes(ThreeRows::Pick<0>(x, y, z), 0);
    b = ThreeRows::FromLanes(ThreeRows::Pick<0>(z, x, y), 1);
    c = ThreeRows::FromLanes(ThreeRows::Pick<0>(y, z, x), 2);
  }
#else
  hn::LoadInterleaved3(d, from, a, b, c);
#endif
}

// Two to four planes to dense pixels: to[kPlanes * i + plane] = from[plane * stride + i]. Returns how many pixels were done.
template <size_t kPlanes>
HWY_INLINE size_t InterleavePlanes(const float* from, ptrdiff_t stride, size_t count, float* to) {
  const D d;
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes, from += kLanes, to += kPlanes * kLanes) {
    const V a = hn::LoadU(d, from);
    const V b = hn::LoadU(d, from + stride);
    if constexpr (kPlanes == 2) {
      hn::StoreInterleaved2(a, b, d, to);
    } else if constexpr (kPlanes == 3) {
      StoreThreeRows(a, b, hn::LoadU(d, from + 2 * stride), to);
    } else {
      hn::StoreInterleaved4(a, b, hn::LoadU(d, from + 2 * stride), hn::LoadU(d, from + 3 * stride), d, to);
    }
  }
  return i;
}

// The inverse.
template <size_t kPlanes>
HWY_INLINE size_t SeparatePlanes(const float* from, size_t count, float* to, ptrdiff_t stride) {
  const D d;
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes, from += kPlanes * kLanes, to += kLanes) {
    V plane[4];
    if constexpr (kPlanes == 2) {
      hn::LoadInterleaved2(d, from, plane[0], plane[1]);
    } else if constexpr (kPlanes == 3) {
      LoadThreeRows(from, plane[0], plane[1], plane[2]);
    } else {
      hn::LoadInterleaved4(d, from, plane[0], plane[1], plane[2], plane[3]);
    }
#pragma GCC unroll 4
    for (size_t p = 0; p < kPlanes; ++p) hn::StoreU(plane[p], d, to + static_cast<ptrdiff_t>(p) * stride);
  }
  return i;
}

// Dense pixels of two to four channels, from planes or to them. Returns how many pixels were done.
HWY_INLINE size_t TransposeFewChannels(const float* from, ptrdiff_t from_stride, size_t rows, size_t columns, float* to,
                                       ptrdiff_t to_stride, bool* to_pixels) {
  *to_pixels = rows >= 2 && rows <= 4 && to_stride == static_cast<ptrdiff_t>(rows);
  if (*to_pixels) {
    if (rows == 2) return InterleavePlanes<2>(from, from_stride, columns, to);
    if (rows == 3) return InterleavePlanes<3>(from, from_stride, columns, to);
    return InterleavePlanes<4>(from, from_stride, columns, to);
  }
  if (from_stride != static_cast<ptrdiff_t>(columns)) return 0;
  if (columns == 2) return SeparatePlanes<2>(from, rows, to, to_stride);
  if (columns == 3) return SeparatePlanes<3>(from, rows, to, to_stride);
  if (columns == 4) return SeparatePlanes<4>(from, rows, to, to_stride);
  return 0;
}
#endif

#if HWY_TARGET != HWY_SCALAR
HWY_INLINE void TransposeFours(const float* f, ptrdiff_t from_stride, float* t, ptrdiff_t to_stride) {
  const hn::FixedTag<float, 4> d;
  const auto a0 = hn::LoadU(d, f);
  const auto a1 = hn::LoadU(d, f + from_stride);
  const auto a2 = hn::LoadU(d, f + 2 * from_stride);
  const auto a3 = hn::LoadU(d, f + 3 * from_stride);
  const auto b0 = hn::InterleaveLower(d, a0, a1);
  const auto b1 = hn::InterleaveLower(d, a2, a3);
  const auto b2 = hn::InterleaveUpper(d, a0, a1);
  const auto b3 = hn::InterleaveUpper(d, a2, a3);
  hn::StoreU(hn::ConcatLowerLower(d, b1, b0), d, t);
  hn::StoreU(hn::ConcatUpperUpper(d, b1, b0), d, t + to_stride);
  hn::StoreU(hn::ConcatLowerLower(d, b3, b2), d, t + 2 * to_stride);
  hn::StoreU(hn::ConcatUpperUpper(d, b3, b2), d, t + 3 * to_stride);
}
#endif

// In blocks of vectors x 4, then 4 x 4, each four vectors of 128 bits.
void Transpose(const float* from, ptrdiff_t from_stride, size_t rows, size_t columns, float* to, ptrdiff_t to_stride) {
#if HWY_TARGET != HWY_SCALAR
  bool to_pixels;
  const size_t pixels = TransposeFewChannels(from, from_stride, rows, columns, to, to_stride, &to_pixels);
  if (to_pixels) {
    from += pixels;
    to += static_cast<ptrdiff_t>(pixels) * to_stride;
    columns -= pixels;
  } else {
    from += static_cast<ptrdiff_t>(pixels) * from_stride;
    to += pixels;
    rows -= pixels;
  }
#endif
  size_t r = 0;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  r = TransposeVectors(from, from_stride, rows, columns, to, to_stride);
#endif
#if HWY_TARGET != HWY_SCALAR
  // The same with 4 x 4 numbers.
  while (r < rows && rows >= 4 && columns >= 4) {
    r = HWY_MIN(r, rows - 4);
    const float* const f = from + static_cast<ptrdiff_t>(r) * from_stride;
    size_t c = 0;
    for (; c + 4 <= columns; c += 4) TransposeFours(f + c, from_stride, to + static_cast<ptrdiff_t>(c) * to_stride + r, to_stride);
    if (c < columns) {
      c = columns - 4;
      TransposeFours(f + c, from_stride, to + static_cast<ptrdiff_t>(c) * to_stride + r, to_stride);
    }
    r += 4;
  }
#endif
  for (; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) {
      to[static_cast<ptrdiff_t>(c) * to_stride + static_cast<ptrdiff_t>(r)] =
          from[static_cast<ptrdiff_t>(r) * from_stride + static_cast<ptrdiff_t>(c)];
    }
  }
}

void ApplyRowEpilogue(float* x, size_t n, const RowEpilogue& e) {
  const D d;
  const V bias = hn::Set(d, e.bias);
  const V slope = hn::Set(d, e.epilogue.kind == ActivationKind::prelu ? e.slope : e.epilogue.alpha);
  for (size_t i = 0; i < n; i += kLanes) {
    StoreColumns(ApplyEpilogue(hn::Add(LoadColumns(x + i, 0, n - i), bias), e.epilogue, slope), x + i, 0, n - i);
  }
}

void AddRowResidual(const float* x, const float* residual, float* y, size_t n, const RowEpilogue& e) {
  const D d;
  const V bias = hn::Set(d, e.bias);
  const V slope = hn::Set(d, e.epilogue.kind == ActivationKind::prelu ? e.slope : e.epilogue.alpha);
  for (size_t i = 0; i < n; i += kLanes) {
    const V sum = hn::Add(hn::Add(LoadColumns(x + i, 0, n - i), bias), LoadColumns(residual + i, 0, n - i));
    StoreColumns(ApplyEpilogue(sum, e.epilogue, slope), y + i, 0, n - i);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
