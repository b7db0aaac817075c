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
    StoreThreeRows(sum[0], sum[1], sum[2], y);
  } else {
    hn::StoreInterleaved4(sum[0], sum[1], sum[2], sum[3], d, y);
  }
}

// The first `count` numbers of them.
template <size_t kPhases>
HWY_INLINE void StoreFirstPhases(const V (&sum)[kPhases], float* y, size_t count) {
  HWY_ALIGN float buffer[kPhases * kLanes];
  StorePhases<kPhases>(sum, buffer);
#pragma GCC unroll 4
  for (size_t v = 0; v < kPhases; ++v) StoreColumns(hn::Load(D(), buffer + v * kLanes), y, v, count);
}

// Numbers of a term for the lanes from q on, zeros where it has none.
HWY_INLINE V LoadWithin(const OverlapTerm& term, const float* x, ptrdiff_t q, size_t width) {
  const D d;
  const V lane = hn::Iota(d, static_cast<float>(q - term.first));  // exact: rows are short
  const auto within = hn::And(hn::Ge(lane, hn::Zero(d)), hn::Lt(lane, hn::Set(d, static_cast<float>(width))));
  return hn::IfThenElseZero(within, hn::LoadU(d, x));
}

// to[i] = from[i] for i < n, where a vector can be read from `from` whatever n is. What is left over from whole vectors is in one
// that ends with the last number.
HWY_INLINE void CopyShort(const float* from, size_t n, float* to) {
  const D d;
  if (n < kLanes) return StoreColumns(hn::LoadU(d, from), to, 0, n);
  for (size_t i = 0; i + kLanes < n; i += kLanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  hn::StoreU(hn::LoadU(d, from + n - kLanes), d, to + n - kLanes);
}

HWY_NOINLINE void CopyOutputs(const float* from, size_t n, float* to) { CopyShort(from, n, to); }

// kVectors vectors of q; `outputs` numbers are stored, or all. kEdge: the vector from q on may lie where terms have no numbers.
template <size_t kPhases, size_t kVectors, bool kEdge>
HWY_INLINE void OverlapVectors(const OverlapRow& row, ptrdiff_t x_offset, ptrdiff_t q, float* y, size_t outputs) {
  constexpr size_t kOutputs = kPhases * kVectors * kLanes;
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
      const float* const x = term->x + x_offset + q;
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) {
        const V from = kEdge ? LoadWithin(*term, x + v * kLanes, q + static_cast<ptrdiff_t>(v * kLanes), row.width)
                             : hn::LoadU(d, x + v * kLanes);
        acc[v] = hn::MulAdd(from, weight, acc[v]);
      }
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) sum[v][r] = acc[v];
  }
  const Epilogue& e = row.epilogue.epilogue;
  const V slope = hn::Set(d, e.kind == ActivationKind::prelu ? row.epilogue.slope : e.alpha);
  WithEpilogue(e, slope, [&sum](const auto& f) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 4
      for (size_t r = 0; r < kPhases; ++r) sum[v][r] = f(sum[v][r]);
    }
  });
  HWY_ALIGN float all[kOutputs];
  float* const to = HWY_LIKELY(kOutputs <= outputs) ? y : all;
#pragma GCC unroll 4
  for (size_t v = 0; v < kVectors; ++v) StorePhases<kPhases>(sum[v], to + kPhases * v * kLanes);
  if (HWY_UNLIKELY(kOutputs > outputs)) CopyOutputs(all, outputs, y);
}

template <size_t kPhases>
HWY_NOINLINE void OverlapPhases(const OverlapRow& row) {
  constexpr size_t kVectors = 4;
  const size_t outputs = kPhases * row.count - row.cut;
  // All terms have numbers for q in [first, last).
  size_t first = 0;
  size_t last = row.count + kVectors * kLanes;
  if (row.width != 0) {
    const OverlapTerm* term = row.term;
    for (size_t r = 0; r < kPhases; ++r) {
      for (const OverlapTerm* const end = term + row.terms[r]; term != end; ++term) {
        first = HWY_MAX(first, static_cast<size_t>(HWY_MAX(term->first, ptrdiff_t{0})));
        last = HWY_MIN(last, static_cast<size_t>(HWY_MAX(term->first + static_cast<ptrdiff_t>(row.width), ptrdiff_t{0})));
      }
    }
  }
  for (size_t i = 0; i < row.rows; ++i) {
    const ptrdiff_t x = static_cast<ptrdiff_t>(i) * row.x_stride;
    float* const y = row.y + static_cast<ptrdiff_t>(i) * row.y_stride;
    for (size_t q = 0; q < row.count;) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(q);
      if (HWY_UNLIKELY(q < first || q + kLanes > last)) {
        OverlapVectors<kPhases, 1, true>(row, x, at, y + kPhases * q, outputs - kPhases * q);
        q += kLanes;
      } else if (q + (kVectors - 1) * kLanes < row.count && q + kVectors * kLanes <= last) {
        OverlapVectors<kPhases, kVectors, false>(row, x, at, y + kPhases * q, outputs - kPhases * q);
        q += kVectors * kLanes;
      } else if (q + kLanes < row.count && q + 2 * kLanes <= last) {
        OverlapVectors<kPhases, 2, false>(row, x, at, y + kPhases * q, outputs - kPhases * q);
        q += 2 * kLanes;
      } else {
        OverlapVectors<kPhases, 1, false>(row, x, at, y + kPhases * q, outputs - kPhases * q);
        q += kLanes;
      }
    }
  }
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
