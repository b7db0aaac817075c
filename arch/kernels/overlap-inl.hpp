// overlap_rows: a planar output row as sums of shifted, weighted rows, the x-phases interleaved in the store.
//
// The terms of a phase are the taps that reach it: rows of products (weight 1) that overlap in the output, or, for layers with one
// input channel a group, input rows times the weight of the tap.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// y[kPhases * lane + r] = sum[r][lane]
template <size_t kPhases>
HWY_INLINE void StorePhases(const V (&sum)[kPhases], float* y) {
  const D d;
  if constexpr (kPhases == 1) {
    hn::StoreU(sum[0], d, y);
  } else if constexpr (kPhases == 2) {
    hn::StoreInterleaved2(sum[0], sum[1], d, y);
  } else if constexpr (kPhases == 3) {
    hn::StoreInterleaved3(sum[0], sum[1], sum[2], d, y);
  } else {
    hn::StoreInterleaved4(sum[0], sum[1], sum[2], sum[3], d, y);
  }
}

template <size_t kPhases>
HWY_INLINE void StoreFirstPhases(const V (&sum)[kPhases], float* y, size_t count) {
  HWY_ALIGN float buffer[kPhases * kLanes];
  StorePhases<kPhases>(sum, buffer);
#pragma GCC unroll 4
  for (size_t v = 0; v < kPhases; ++v) StoreColumns(hn::Load(D(), buffer + v * kLanes), y, v, kPhases * count);
}

// kVectors vectors of q from q on; `count` of them are stored. kClamp: the activation is none, relu or clamp.
template <size_t kPhases, size_t kVectors, bool kClamp>
HWY_INLINE void OverlapVectors(const OverlapRow& row, ptrdiff_t x_offset, float* y, size_t count) {
  const D d;
  V sum[kVectors][kPhases];
  const OverlapTerm* term = row.term;
  const V bias = hn::Set(d, row.epilogue.bias);
#pragma GCC unroll 4
  for (size_t r = 0; r < kPhases; ++r) {
    V acc[kVectors];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) acc[v] = bias;
    for (const OverlapTerm* const end = term + row.terms[r]; term != end; ++term) {
      const V weight = hn::Set(d, term->weight);
      const float* const x = term->x + x_offset;
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) acc[v] = hn::MulAdd(hn::LoadU(d, x + v * kLanes), weight, acc[v]);
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) sum[v][r] = acc[v];
  }
  const Epilogue& e = row.epilogue.epilogue;
  const ClampBounds bounds = BoundsOf(e);
  const V low = hn::Set(d, bounds.low);
  const V high = hn::Set(d, bounds.high);
  const V slope = hn::Set(d, e.kind == ActivationKind::prelu ? row.epilogue.slope : e.alpha);
#pragma GCC unroll 4
  for (size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 4
    for (size_t r = 0; r < kPhases; ++r)
      sum[v][r] = kClamp ? ClampKeepNaN(sum[v][r], low, high) : ApplyEpilogue(sum[v][r], e, slope);
    if (HWY_LIKELY((v + 1) * kLanes <= count)) {
      StorePhases<kPhases>(sum[v], y + kPhases * v * kLanes);
    } else if (v * kLanes < count) {
      StoreFirstPhases<kPhases>(sum[v], y + kPhases * v * kLanes, count - v * kLanes);
    }
  }
}

template <size_t kPhases, bool kClamp>
HWY_NOINLINE void OverlapPhases(const OverlapRow& row) {
  constexpr size_t kVectors = 4;
  for (size_t i = 0; i < row.rows; ++i) {
    const ptrdiff_t x = static_cast<ptrdiff_t>(i) * row.x_stride;
    float* const y = row.y + static_cast<ptrdiff_t>(i) * row.y_stride;
    size_t q = 0;
    for (; q + (kVectors - 1) * kLanes < row.count; q += kVectors * kLanes) {
      OverlapVectors<kPhases, kVectors, kClamp>(row, x + static_cast<ptrdiff_t>(q), y + kPhases * q, row.count - q);
    }
    for (; q < row.count; q += kLanes)
      OverlapVectors<kPhases, 1, kClamp>(row, x + static_cast<ptrdiff_t>(q), y + kPhases * q, row.count - q);
  }
}

template <size_t kPhases>
HWY_INLINE void OverlapPhases(const OverlapRow& row) {
  if (IsClamp(row.epilogue.epilogue.kind)) return OverlapPhases<kPhases, true>(row);
  OverlapPhases<kPhases, false>(row);
}

void Overlap(const OverlapRow& row) {
  switch (row.phases) {
    case 1:
      return OverlapPhases<1>(row);
    case 2:
      return OverlapPhases<2>(row);
    case 3:
      return OverlapPhases<3>(row);
    default:
      return OverlapPhases<4>(row);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
