// planar_sums: output rows as sums of input rows, for few channels: all phases of a few output channels at once, in registers.
//
// Each vector of inputs is loaded once for all phases and channels whose taps meet it at one shift, and nothing is stored but the
// output. The rows lie between zeros.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// Vectors of a tile: as many as there are accumulators for, and never so many that loads are all that is done.
constexpr size_t sum_vectors(size_t sums) {
  const size_t most = HWY_TARGET == HWY_AVX3 || (HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64) ? 16 : 12;
  return most / sums > 6 ? 6 : most / sums;
}
// Of what is left after tiles of so many.
constexpr size_t fewer_sum_vectors(size_t vectors) { return vectors > 4 ? 4 : vectors > 2 ? 2 : 1; }

template <size_t kPhases, size_t kLines, size_t NV>
using PlanarSumsOf = V[kLines][kPhases][NV];

// The taps of the phases [kFirst, kLast) that meet one row at one shift.
template <size_t kPhases, size_t kLines, size_t NV, size_t kFirst, size_t kLast>
HWY_INLINE void SumTerm(const float* HWY_RESTRICT x, const float* HWY_RESTRICT w, PlanarSumsOf<kPhases, kLines, NV>& acc) {
  constexpr size_t kWeights = (kLast - kFirst) * kLines;
  // The fewer of the two stay in registers.
  if constexpr (kWeights < NV) {
    V weight[kWeights];
#pragma GCC unroll 4
    for (size_t i = 0; i < kWeights; ++i) weight[i] = LoadBroadcast(w + i);
#pragma GCC unroll 8
    for (size_t v = 0; v < NV; ++v) {
      const V column = hn::LoadU(D(), x + v * kLanes);
#pragma GCC unroll 4
      for (size_t i = 0; i < kWeights; ++i) Accumulate(acc[i % kLines][kFirst + i / kLines][v], weight[i], column);
    }
  } else {
    V column[NV];
#pragma GCC unroll 8
    for (size_t v = 0; v < NV; ++v) column[v] = hn::LoadU(D(), x + v * kLanes);
#pragma GCC unroll 4
    for (size_t i = 0; i < kWeights; ++i) {
      const V weight = LoadBroadcast(w + i);
#pragma GCC unroll 8
      for (size_t v = 0; v < NV; ++v) Accumulate(acc[i % kLines][kFirst + i / kLines][v], weight, column[v]);
    }
  }
}

// Those that a phase does not share with all others, phase by phase.
template <size_t kPhases, size_t kLines, size_t NV, size_t kPhase>
HWY_INLINE void SumOwnTerms(const PlanarSums& p, const PlanarSumTerm* term, ptrdiff_t at, PlanarSumsOf<kPhases, kLines, NV>& acc) {
  if constexpr (kPhases > 1 && kPhase < kPhases) {
    for (const PlanarSumTerm* const end = term + p.own[kPhase]; term != end; ++term)
      SumTerm<kPhases, kLines, NV, kPhase, kPhase + 1>(term->x + at, term->w, acc);
    SumOwnTerms<kPhases, kLines, NV, kPhase + 1>(p, term, at, acc);
  }
}

template <size_t kPhases, size_t kLines, size_t NV>
HWY_INLINE void SumTile(const PlanarSums& p, ptrdiff_t at, float* y, size_t outputs) {
  constexpr size_t kSums = kPhases * kLines;
  PlanarSumsOf<kPhases, kLines, NV> acc;
#pragma GCC unroll 4
  for (size_t line = 0; line < kLines; ++line) {
    const V bias = LoadBroadcast(p.bias + line);
#pragma GCC unroll 4
    for (size_t r = 0; r < kPhases; ++r) {
#pragma GCC unroll 8
      for (size_t v = 0; v < NV; ++v) acc[line][r][v] = bias;
    }
  }
  const PlanarSumTerm* term = p.term;
  for (const PlanarSumTerm* const end = term + p.shared; term != end; ++term)
    SumTerm<kPhases, kLines, NV, 0, kPhases>(term->x + at, term->w, acc);
  SumOwnTerms<kPhases, kLines, NV, 0>(p, term, at, acc);
  if (p.clamp.kind != ActivationKind::none) {
    const Clamp clamp(p.clamp);
#pragma GCC unroll 4
    for (size_t line = 0; line < kLines; ++line) {
#pragma GCC unroll 4
      for (size_t r = 0; r < kPhases; ++r) {
#pragma GCC unroll 8
        for (size_t v = 0; v < NV; ++v) acc[line][r][v] = clamp(acc[line][r][v]);
      }
    }
  }
  const bool whole = outputs >= kPhases * NV * kLanes;
  HWY_ALIGN float finished[kSums * NV * kLanes + kLanes];
  if (p.pixels) {
    float* const to = HWY_LIKELY(whole) ? y : finished;
#pragma GCC unroll 8
    for (size_t v = 0; v < NV; ++v) {
      V sum[kSums];
#pragma GCC unroll 4
      for (size_t i = 0; i < kSums; ++i) sum[i] = acc[i % kLines][i / kLines][v];
      StorePhases<kSums>(sum, to + kSums * v * kLanes);
    }
    if (HWY_UNLIKELY(!whole)) CopyOutputs(finished, outputs * kLines, y);
    return;
  }
#pragma GCC unroll 4
  for (size_t line = 0; line < kLines; ++line) {
    float* const to = HWY_LIKELY(whole) ? y + static_cast<ptrdiff_t>(line) * p.y_line : finished + line * kPhases * NV * kLanes;
#pragma GCC unroll 8
    for (size_t v = 0; v < NV; ++v) {
      V sum[kPhases];
#pragma GCC unroll 4
      for (size_t r = 0; r < kPhases; ++r) sum[r] = acc[line][r][v];
      StorePhases<kPhases>(sum, to + kPhases * v * kLanes);
    }
  }
  if (HWY_LIKELY(whole)) return;
#pragma GCC unroll 4
  for (size_t line = 0; line < kLines; ++line)
    CopyOutputs(finished + line * kPhases * NV * kLanes, outputs, y + static_cast<ptrdiff_t>(line) * p.y_line);
}

// Tiles of NV vectors, then of fewer.
template <size_t kPhases, size_t kLines, size_t NV>
HWY_INLINE void SumColumns(const PlanarSums& p, ptrdiff_t x, float* y, size_t q) {
  const size_t pixel = p.pixels ? kLines : 1;
  const size_t vectors = (p.count + kLanes - 1) / kLanes;
  for (; q / kLanes + NV <= vectors; q += NV * kLanes) {
    // In a tile of a few vectors sums wait for the ones before: two of four rather than six and two, of two than three and one.
    if (2 * fewer_sum_vectors(NV) > NV && q / kLanes + 2 * fewer_sum_vectors(NV) == vectors) break;
    SumTile<kPhases, kLines, NV>(p, x + static_cast<ptrdiff_t>(q), y + pixel * kPhases * q, kPhases * (p.count - q) - p.cut);
  }
  if constexpr (NV > 1) {
    if (q < p.count) SumColumns<kPhases, kLines, fewer_sum_vectors(NV)>(p, x, y, q);
  }
}

template <size_t kPhases, size_t kLines>
HWY_NOINLINE void SumRows(const PlanarSums& p) {
  for (size_t row = 0; row < p.rows; ++row) {
    SumColumns<kPhases, kLines, sum_vectors(kPhases * kLines)>(p, static_cast<ptrdiff_t>(row) * p.x_stride,
                                                               p.y + static_cast<ptrdiff_t>(row) * p.y_stride, 0);
  }
}

void Sums(const PlanarSums& p) {
  switch (p.phases * 8 + p.lines) {
    case 9:
      return SumRows<1, 1>(p);
    case 10:
      return SumRows<1, 2>(p);
    case 11:
      return SumRows<1, 3>(p);
    case 12:
      return SumRows<1, 4>(p);
    case 17:
      return SumRows<2, 1>(p);
    case 18:
      return SumRows<2, 2>(p);
    case 25:
      return SumRows<3, 1>(p);
    default:
      return SumRows<4, 1>(p);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
