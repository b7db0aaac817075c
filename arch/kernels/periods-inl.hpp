// planar_periods: planar_rows and overlap_rows in one, for layers whose taps of x do not overlap (kernel = stride along x).
//
// The rows of T of one output row are its phases, so they are finished and interleaved while they are in registers.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

constexpr size_t kCacheLine = 64 / sizeof(float);
// Longer code, where it takes less time: stores of their own for each case, the last columns of a row with masks.
constexpr bool kPeriodsLong = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

// Where a column goes: so far from the beginning of its line. The end of its run is so many columns away.
struct PeriodPlace {
  ptrdiff_t at;
  size_t left;

  explicit PeriodPlace(const PlanarPeriods& p)
      : at(p.run == 0 ? 0 : static_cast<ptrdiff_t>(p.phases * p.within)), left(p.run == 0 ? ~size_t{0} : p.run - p.within) {}

  HWY_INLINE void Advance(const PlanarPeriods& p, size_t columns) {
    at += static_cast<ptrdiff_t>(p.phases * columns);
    for (; HWY_UNLIKELY(columns >= left); left = p.run) {
      columns -= left;
      at += p.line_run - static_cast<ptrdiff_t>(p.phases * p.run);
    }
    left -= columns;
  }

  // By a vector that does not reach beyond its run.
  template <size_t kPhases>
  HWY_INLINE void AdvanceVector(const PlanarPeriods& p) {
    at += kPhases * kLanes;
    left -= kLanes;
    at += left == 0 ? p.line_run - static_cast<ptrdiff_t>(kPhases * p.run) : 0;
    left = left == 0 ? p.run : left;
  }
};

// Finished columns of all lines, `pitch` apart, whose run ends among them or which are not all wanted. A vector more can be read.
HWY_NOINLINE void PlacePeriods(const PlanarPeriods& p, const float* sums, size_t pitch, PeriodPlace place, size_t count) {
  for (size_t done = 0; done < count;) {
    const size_t n = HWY_MIN(count - done, place.left);
    for (size_t line = 0; line < p.lines; ++line) {
      CopyShort(sums + line * pitch + p.phases * done, p.phases * n, p.line[line] + place.at);
    }
    done += n;
    place.Advance(p, n);
  }
}

// Vector v of line l to to(l, v).
template <size_t kPhases, size_t kLines, size_t NV, size_t kBlocks, typename To>
HWY_INLINE void StorePeriods(const V (&acc)[kBlocks][kPhases * kLines][NV], const To& to) {
#pragma GCC unroll 16
  for (size_t line = 0; line < kLines; ++line) {
#pragma GCC unroll 4
    for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) {
        V sum[kPhases];
#pragma GCC unroll 4
        for (size_t r = 0; r < kPhases; ++r) sum[r] = acc[b][line * kPhases + r][v];
        StorePhases<kPhases>(sum, to(line, b * NV + v));
      }
    }
  }
}

// Activations that are no clamp, of `count` numbers (whole vectors) of each line, which were just stored.
HWY_NOINLINE void ActivatePeriods(const PlanarPeriods& p, float* const* to, size_t count) {
  const D d;
  const Epilogue e = p.epilogue;  // a copy, which no store can change
  for (size_t line = 0; line < p.lines; ++line) {
    const V slope = hn::Set(d, e.kind == ActivationKind::prelu ? p.slopes[line] : e.alpha);
    float* const y = to[line];
    for (size_t i = 0; i < count; i += kLanes) hn::StoreU(ApplyEpilogue(hn::LoadU(d, y + i), e, slope), d, y + i);
  }
}

// The first `count` columns of a block, fewer than all of them.
template <size_t kPhases, size_t kLines, size_t NV>
HWY_INLINE void StoreFirstPeriods(const PlanarPeriods& p, const V (&acc)[1][kPhases * kLines][NV], ptrdiff_t at, size_t count) {
#pragma GCC unroll 16
  for (size_t line = 0; line < kLines; ++line) {
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) {
      V sum[kPhases];
#pragma GCC unroll 4
      for (size_t r = 0; r < kPhases; ++r) sum[r] = acc[0][line * kPhases + r][v];
      float* const y = p.line[line] + at + kPhases * v * kLanes;
      if ((v + 1) * kLanes <= count) {
        StorePhases<kPhases>(sum, y);
      } else if (v * kLanes < count) {
        StoreFirstPhases<kPhases>(sum, y, kPhases * (count - v * kLanes));
      }
    }
  }
}

// GCC would interleave before it branches to one of two stores, where there are no registers for the result.
template <size_t kRows, size_t NV, size_t kBlocks>
HWY_INLINE void KeepSums(V (&acc)[kBlocks][kRows][NV]) {
#if HWY_ARCH_X86 && HWY_COMPILER_GCC_ACTUAL && HWY_TARGET != HWY_SCALAR
#pragma GCC unroll 4
  for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 16
    for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) asm volatile("" : "+v"(acc[b][m][v].raw));
    }
  }
#else
  static_cast<void>(acc);
#endif
}

// Blocks of sums to where they belong. Most of a kernel for few rows is what interleaves the phases, so there are few copies of it:
// for whole tiles, for the last columns of a row, and for all else, which goes vector by vector where runs are whole vectors, and
// by way of `finished` where some columns are not wanted or a run ends within a vector.
template <size_t kPhases, size_t kLines, size_t NV, size_t kBlocks>
HWY_INLINE void FinishPeriods(const PlanarPeriods& p, V (&acc)[kBlocks][kPhases * kLines][NV], const PeriodPlace& here,
                              size_t count) {
  constexpr size_t kVectors = kBlocks * NV;
  constexpr size_t kColumns = kVectors * kLanes;
  const bool clamp = IsClamp(p.epilogue.kind);
  if (clamp && p.epilogue.kind != ActivationKind::none) {
    const Clamp f(p.epilogue);
#pragma GCC unroll 4
    for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 16
      for (size_t m = 0; m < kPhases * kLines; ++m) {
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v) acc[b][m][v] = f(acc[b][m][v]);
      }
    }
  }
  // Only tiles of one block end rows.
  const bool whole = kBlocks > 1 || NV > kPlanarVectors || count >= kColumns;
  const bool straight = whole && kColumns <= here.left;
  if (kPeriodsLong && HWY_LIKELY(clamp) && HWY_LIKELY(straight)) {
    return StorePeriods<kPhases, kLines, NV, kBlocks>(
        acc, [&](size_t line, size_t v) { return p.line[line] + here.at + kPhases * v * kLanes; });
  }
  KeepSums<kPhases * kLines, NV, kBlocks>(acc);
  if constexpr (kPeriodsLong && kBlocks == 1) {
    if (clamp && !whole && count <= here.left) return StoreFirstPeriods<kPhases, kLines, NV>(p, acc, here.at, count);
  }
  // Where all runs are whole vectors, none of them reaches from one into the next.
  const bool by_vectors = kPeriodsLong && clamp && whole && p.run % kLanes == 0 && p.within % kLanes == 0;
  HWY_ALIGN float finished[kPhases * kLines * kColumns + kLanes];
  float* to[kLines];
#pragma GCC unroll 16
  for (size_t line = 0; line < kLines; ++line) {
    to[line] = by_vectors ? p.line[line] : straight ? p.line[line] + here.at : finished + line * kPhases * kColumns;
  }
  if constexpr (kPeriodsLong) {
    ptrdiff_t at[kVectors];
    PeriodPlace next = here;
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) {
      at[v] = by_vectors ? next.at : static_cast<ptrdiff_t>(kPhases * v * kLanes);
      next.AdvanceVector<kPhases>(p);
    }
    StorePeriods<kPhases, kLines, NV, kBlocks>(acc, [&](size_t line, size_t v) { return to[line] + at[v]; });
  } else {
    StorePeriods<kPhases, kLines, NV, kBlocks>(acc, [&](size_t line, size_t v) { return to[line] + kPhases * v * kLanes; });
  }
  if (!clamp) ActivatePeriods(p, to, kPhases * kColumns);
  if (!straight && !by_vectors) PlacePeriods(p, finished, kPhases * kColumns, here, HWY_MIN(count, kColumns));
}

// What the next kColumns columns are stored to: lines of many planes are more streams than the hardware follows.
template <size_t kPhases, size_t kLines, size_t kColumns>
HWY_INLINE void FetchForPeriods(const PlanarPeriods& p, const PeriodPlace& next) {
#if HWY_ARCH_X86
#pragma GCC unroll 16
  for (size_t line = 0; line < kLines; ++line) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kPhases * kColumns; i += kCacheLine) __builtin_prefetch(p.line[line] + next.at + i, 1);
  }
  if (HWY_LIKELY(kColumns <= next.left)) return;
  // Where a run ends among them, the first and last line of what is in the next run.
  const ptrdiff_t first = next.at + p.line_run - static_cast<ptrdiff_t>(kPhases * (p.run - next.left));
  const ptrdiff_t last = first + static_cast<ptrdiff_t>(kPhases * (kColumns - next.left) - 1);
#pragma GCC unroll 16
  for (size_t line = 0; line < kLines; ++line) {
    __builtin_prefetch(p.line[line] + first, 1);
    __builtin_prefetch(p.line[line] + last, 1);
  }
#else
  static_cast<void>(p);
  static_cast<void>(next);
#endif
}

// The pieces of p.fetch that belong to kCount blocks from `block` on, in whole cache lines.
template <size_t kCount>
HWY_INLINE void FetchPieces(const PlanarPeriods& p, size_t block) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
#pragma GCC unroll 5
  for (size_t b = block; b < block + kCount; ++b) {
    if (kBlock < kCacheLine && b * kBlock % kCacheLine != 0) continue;
    const float* piece = p.fetch + static_cast<ptrdiff_t>(b) * p.fetch_block;
    for (size_t i = 0; i < p.fetches; ++i, piece += p.fetch_stride) {
#pragma GCC unroll 4
      for (size_t line = 0; line < kBlock; line += kCacheLine) __builtin_prefetch(piece + line, 0, 2);
    }
  }
}

// kBlocks neighbouring blocks of NV vectors at `block` (from its vector kFirst on); the first `count` columns of them are stored.
template <size_t kPhases, size_t kLines, size_t NV, size_t kBlocks, size_t kFirst, bool kCopy, bool kDense>
HWY_INLINE void PeriodColumns(const PlanarPeriods& p, size_t block, size_t count, PeriodPlace* place) {
  constexpr size_t kRows = kPhases * kLines;
  constexpr size_t kColumns = kBlocks * NV * kLanes;
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
  const PeriodPlace here = *place;
  place->Advance(p, kColumns);
  FetchForPeriods<kPhases, kLines, kColumns>(p, *place);
  // With the second of two tiles of a block and a half comes the third block.
  if (p.fetches != 0) FetchPieces<kFirst == 0 ? kBlocks : kBlocks + 1>(p, block);
  PlanarSum<kRows, NV, kBlocks, kFirst, kCopy, kDense, false>(p.segment, p.segments, p.channels, p.channel_stride, p.block_stride,
                                                              block, {nullptr, 0, 0, p.asks}, {p.copy, p.copy_block}, acc);
  FinishPeriods<kPhases, kLines, NV, kBlocks>(p, acc, here, count);
}

template <size_t kPhases, size_t kLines, bool kCopy, bool kDense>
HWY_NOINLINE void PeriodLines(const PlanarPeriods& p) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  constexpr size_t kBlocks = planar_blocks(kPhases * kLines);
  PeriodPlace place(p);
  size_t left = p.count;
  size_t block = 0;
  for (; kBlocks > 1 && left >= kBlocks * kBlock; left -= kBlocks * kBlock, block += kBlocks) {
    PeriodColumns<kPhases, kLines, kPlanarVectors, kBlocks, 0, kCopy, kDense>(p, block, left, &place);
  }
  if constexpr (kPhases * kLines == kPlanarHalfRows) {
    constexpr size_t kVectors = kPlanarVectors + 1;
    for (; left >= 2 * kVectors * kLanes; left -= 2 * kVectors * kLanes, block += kVectors) {
      PeriodColumns<kPhases, kLines, kVectors, 1, 0, kCopy, kDense>(p, block, left, &place);
      PeriodColumns<kPhases, kLines, kVectors, 1, 1, kCopy, kDense>(p, block + 1, left - kVectors * kLanes, &place);
    }
  }
  for (; left > kLanes; left -= HWY_MIN(left, kBlock), ++block) {
    PeriodColumns<kPhases, kLines, kPlanarVectors, 1, 0, kCopy, kDense>(p, block, left, &place);
  }
  if (!kCopy && left != 0) PeriodColumns<kPhases, kLines, 1, 1, 0, false, kDense>(p, block, left, &place);
}

// Copies X as the kernels for as many lines as there may be do by the way.
[[maybe_unused]] HWY_NOINLINE void CopyForPeriods(const PlanarPeriods& p) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  const D d;
  for (size_t block = 0; block < p.count / kBlock; ++block) {
    const float* from = p.segment->x + static_cast<ptrdiff_t>(block) * p.block_stride;
    float* to = p.copy + static_cast<ptrdiff_t>(block) * p.copy_block;
    for (size_t c = 0; c < p.channels; ++c, from += p.channel_stride, to += kBlock) {
#pragma GCC unroll 4
      for (size_t v = 0; v < kPlanarVectors; ++v) hn::StoreU(hn::LoadU(d, from + v * kLanes), d, to + v * kLanes);
    }
  }
}

// As many lines as a block of planar_rows holds.
template <size_t kPhases, size_t kLines>
void PeriodsOf(const PlanarPeriods& p) {
  if constexpr (kLines != 0) {
    if (p.lines == kLines) {
      if constexpr (kPeriodsLong ? 2 * kLines >= kPlanarRows / kPhases : kLines == kPlanarRows / kPhases) {
        if (p.copy != nullptr) return PeriodLines<kPhases, kLines, true, false>(p);
      }
      if constexpr (kPeriodsLong) {
        if (p.channel_stride == static_cast<ptrdiff_t>(kPlanarVectors * kLanes))
          return PeriodLines<kPhases, kLines, false, true>(p);
      } else if (p.copy != nullptr) {
        CopyForPeriods(p);
      }
      return PeriodLines<kPhases, kLines, false, false>(p);
    }
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
