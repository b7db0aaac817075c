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
  for (size_t i = 0; i < kPhases * count; ++i) y[i] = buffer[i];
}

// kVectors vectors of q from q on; `count` of them are stored.
template <size_t kPhases, size_t kVectors>
HWY_INLINE void OverlapVectors(const OverlapRow& row, size_t q, size_t count) {
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
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) acc[v] = hn::MulAdd(hn::LoadU(d, term->x + q + v * kLanes), weight, acc[v]);
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) sum[v][r] = acc[v];
  }
  const V slope =
      hn::Set(d, row.epilogue.epilogue.kind == ActivationKind::prelu ? row.epilogue.slope : row.epilogue.epilogue.alpha);
#pragma GCC unroll 4
  for (size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 4
    for (size_t r = 0; r < kPhases; ++r) sum[v][r] = ApplyEpilogue(sum[v][r], row.epilogue.epilogue, slope);
    float* const y = row.y + kPhases * (q + v * kLanes);
    if (HWY_LIKELY((v + 1) * kLanes <= count)) {
      StorePhases<kPhases>(sum[v], y);
    } else if (v * kLanes < count) {
      StoreFirstPhases<kPhases>(sum[v], y, count - v * kLanes);
    }
  }
}

template <size_t kPhases>
HWY_NOINLINE void OverlapPhases(const OverlapRow& row) {
  constexpr size_t kVectors = 4;
  size_t q = 0;
  for (; q + kLanes < row.count; q += kVectors * kLanes) OverlapVectors<kPhases, kVectors>(row, q, row.count - q);
  if (q < row.count) OverlapVectors<kPhases, 1>(row, q, row.count - q);
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
