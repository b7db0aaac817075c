// planar_periods: planar_rows and overlap_rows in one, for layers whose taps of x do not overlap (kernel = stride along x).
//
// The rows of T of one output row are its phases, so they are finished and interleaved while they are in registers.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// With activations that are no clamp: sums[row of T][vectors of a block] of `vectors` vectors, of which `count` columns are stored.
template <size_t kPhases>
HWY_NOINLINE void FinishPeriods(const PlanarPeriods& p, const float* sums, size_t vectors, size_t begin, size_t count) {
  const D d;
  for (size_t line = 0; line < p.lines; ++line) {
    const V slope = hn::Set(d, p.epilogue.kind == ActivationKind::prelu ? p.slopes[line] : p.epilogue.alpha);
    const float* from = sums + line * kPhases * vectors * kLanes;
    float* to = p.line[line] + kPhases * begin;
    for (size_t first = 0; first < count; first += kLanes, from += kLanes, to += kPhases * kLanes) {
      V sum[kPhases];
#pragma GCC unroll 4
      for (size_t r = 0; r < kPhases; ++r) {
        const V one = hn::Load(d, from + r * vectors * kLanes);
        sum[r] = ApplyEpilogue(one, p.epilogue, slope);
      }
      if (first + kLanes <= count) {
        StorePhases<kPhases>(sum, to);
      } else {
        StoreFirstPhases<kPhases>(sum, to, count - first);
      }
    }
  }
}

// Blocks from registers. kPart: only the first `count` columns.
template <size_t kPhases, size_t kLines, size_t NV, size_t kBlocks, bool kClamp, bool kPart>
HWY_INLINE void StorePeriods(const PlanarPeriods& p, V (&acc)[kBlocks][kPhases * kLines][NV], size_t begin, size_t count) {
  const D d;
  const ClampBounds bounds = BoundsOf(p.epilogue);
  const V low = hn::Set(d, bounds.low);
  const V high = hn::Set(d, bounds.high);
#pragma GCC unroll 16
  for (size_t line = 0; line < kLines; ++line) {
    float* const to = p.line[line] + kPhases * begin;
#pragma GCC unroll 4
    for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) {
        V sum[kPhases];
#pragma GCC unroll 4
        for (size_t r = 0; r < kPhases; ++r) {
          const V one = acc[b][line * kPhases + r][v];
          sum[r] = kClamp ? ClampKeepNaN(one, low, high) : one;
        }
        const size_t first = (b * NV + v) * kLanes;
        if (!kPart || first + kLanes <= count) {
          StorePhases<kPhases>(sum, to + kPhases * first);
        } else if (first < count) {
          StoreFirstPhases<kPhases>(sum, to + kPhases * first, count - first);
        }
      }
    }
  }
}

// kBlocks neighbouring blocks of NV vectors at `block`; `count` columns of them are stored.
template <size_t kPhases, size_t kLines, size_t NV, size_t kBlocks>
HWY_INLINE void PeriodColumns(const PlanarPeriods& p, size_t block, size_t begin) {
  constexpr size_t kRows = kPhases * kLines;
  constexpr size_t kVectors = kBlocks * NV;
  const size_t count = p.count - begin;
  const D d;
  V acc[kBlocks][kRows][NV];
#pragma GCC unroll 16
  for (size_t m = 0; m < kRows; ++m) {
    const V bias = LoadBroadcast(p.bias + m / kPhases);
#pragma GCC unroll 4
    for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) acc[b][m][v] = bias;
    }
  }
#if HWY_ARCH_X86
  // What the next columns are stored to: lines of many planes are more streams than the hardware follows.
#pragma GCC unroll 16
  for (size_t line = 0; line < kLines; ++line) {
    const float* const to = p.line[line] + kPhases * (begin + kVectors * kLanes);
#pragma GCC unroll 16
    for (size_t i = 0; i < kPhases * kVectors * kLanes; i += 64 / sizeof(float)) __builtin_prefetch(to + i, 1);
  }
#endif
  PlanarSum<kRows, NV, kBlocks>(p.segment, p.segments, p.channels, p.channel_stride, p.block_stride, block, {}, acc);
  if (HWY_LIKELY(IsClamp(p.epilogue.kind))) {
    if (kBlocks == 1 && HWY_UNLIKELY(count < kVectors * kLanes)) {
      return StorePeriods<kPhases, kLines, NV, kBlocks, true, true>(p, acc, begin, count);
    }
    if (HWY_LIKELY(p.epilogue.kind == ActivationKind::none)) {
      return StorePeriods<kPhases, kLines, NV, kBlocks, false, false>(p, acc, begin, count);
    }
    return StorePeriods<kPhases, kLines, NV, kBlocks, true, false>(p, acc, begin, count);
  }
  HWY_ALIGN float sums[kRows * kVectors * kLanes];
#pragma GCC unroll 16
  for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
    for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) hn::Store(acc[b][m][v], d, sums + ((m * kBlocks + b) * NV + v) * kLanes);
    }
  }
  FinishPeriods<kPhases>(p, sums, kVectors, begin, HWY_MIN(count, kVectors * kLanes));
}

template <size_t kPhases, size_t kLines>
HWY_NOINLINE void PeriodLines(const PlanarPeriods& p) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  constexpr size_t kBlocks = planar_blocks(kPhases * kLines);
  size_t begin = 0;
  size_t block = 0;
  for (; kBlocks > 1 && begin + kBlocks * kBlock <= p.count; begin += kBlocks * kBlock, block += kBlocks) {
    PeriodColumns<kPhases, kLines, kPlanarVectors, kBlocks>(p, block, begin);
  }
  for (; begin + kLanes < p.count; begin += kBlock, ++block) PeriodColumns<kPhases, kLines, kPlanarVectors, 1>(p, block, begin);
  if (begin < p.count) PeriodColumns<kPhases, kLines, 1, 1>(p, block, begin);
}

// As many lines as a block of planar_rows holds.
template <size_t kPhases, size_t kLines>
void PeriodsOf(const PlanarPeriods& p) {
  if constexpr (kLines != 0) {
    if (p.lines == kLines) return PeriodLines<kPhases, kLines>(p);
    PeriodsOf<kPhases, kLines - 1>(p);
  }
}

void Periods(const PlanarPeriods& p) {
  switch (p.phases) {
    case 1:
      return PeriodsOf<1, kPlanarRows>(p);
    case 2:
      return PeriodsOf<2, kPlanarRows / 2>(p);
    case 3:
      return PeriodsOf<3, kPlanarRows / 3>(p);
    default:
      return PeriodsOf<4, kPlanarRows / 4>(p);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
