// planar_rows: a block of rows (taps of x times output channels) of broadcast weights times vectors along x.
//
// Per channel and segment: kPlanarVectors loads of x, one broadcast per row (AArch64: one load per four rows). X is scratch with
// room for whole vectors, so no tail; where one vector is enough for the last columns, only that one is computed.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 12;
#elif HWY_TARGET == HWY_AVX2
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 6;
#elif HWY_TARGET == HWY_SSE4
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 6;
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 12;
#elif HWY_TARGET == HWY_NEON  // ARMv7
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 5;
#else
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 4;
#endif

#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
template <size_t kRows, size_t NV, size_t kRow>
HWY_INLINE void PlanarRowsByLane(const V* weights, const V* column, V (&acc)[kRows][NV]) {
  if constexpr (kRow < kRows) {
    constexpr size_t kLoad = kRow / 4;
    const V broadcast = hn::Broadcast<kRow - HWY_MIN(4 * kLoad, kRows - 4)>(weights[kLoad]);
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) acc[kRow][v] = hn::MulAdd(broadcast, column[v], acc[kRow][v]);
    PlanarRowsByLane<kRows, NV, kRow + 1>(weights, column, acc);
  }
}
#endif

// acc[m][v] += w[m] * x[v], for one channel.
template <size_t kRows, size_t NV>
HWY_INLINE void PlanarStep(const float* HWY_RESTRICT x, const float* HWY_RESTRICT w, V (&acc)[kRows][NV]) {
  const D d;
  V column[NV];
#pragma GCC unroll 4
  for (size_t v = 0; v < NV; ++v) column[v] = hn::LoadU(d, x + v * kLanes);
#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
  // Four weights a load, multiplied by lane. The last load overlaps the one before when the rows are no multiple of four.
  if constexpr (kRows >= 4) {
    constexpr size_t kLoads = (kRows + 3) / 4;
    V weights[kLoads];
#pragma GCC unroll 4
    for (size_t i = 0; i < kLoads; ++i) weights[i] = hn::LoadU(d, w + HWY_MIN(4 * i, kRows - 4));
    PlanarRowsByLane<kRows, NV, 0>(weights, column, acc);
    return;
  }
#endif
#pragma GCC unroll 16
  for (size_t m = 0; m < kRows; ++m) {
    const V broadcast = LoadBroadcast(w + m);
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) acc[m][v] = hn::MulAdd(broadcast, column[v], acc[m][v]);
  }
}

// How many neighbouring blocks are done at once: a few rows alone would leave the multiply-adds waiting for each other.
constexpr size_t planar_blocks(size_t rows) {
  constexpr size_t kAccumulators = HWY_TARGET == HWY_AVX3 || (HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64) ? 24 : 12;
  const size_t most = kAccumulators / (rows * kPlanarVectors);
  return most < 1 ? 1 : most > 4 ? 4 : most;
}

// acc[b][m][v] += the sum over segments and channels of w[m] * x[b][v].
template <size_t kRows, size_t NV, size_t kBlocks>
HWY_INLINE void PlanarSum(const PlanarSegment* segment, size_t segments, size_t channels, ptrdiff_t channel_stride,
                          ptrdiff_t block_stride, size_t block, V (&acc)[kBlocks][kRows][NV]) {
#if HWY_ARCH_X86
  // The next blocks, which may lie in L2. No more than 2 KiB of what lies in order.
  const ptrdiff_t ahead = HWY_MIN(static_cast<ptrdiff_t>(kBlocks) * block_stride, ptrdiff_t{512});
#endif
  for (const PlanarSegment* const end = segment + segments; segment != end; ++segment) {
    const float* HWY_RESTRICT x = segment->x + static_cast<ptrdiff_t>(block) * block_stride;
    const float* HWY_RESTRICT w = segment->w;
    for (size_t channel = 0; channel < channels; ++channel, x += channel_stride, w += kRows) {
#if HWY_ARCH_X86
      __builtin_prefetch(x + ahead);
#endif
#pragma GCC unroll 4
      for (size_t b = 0; b < kBlocks; ++b) PlanarStep<kRows, NV>(x + static_cast<ptrdiff_t>(b) * block_stride, w, acc[b]);
    }
  }
}

template <size_t kRows, size_t NV, size_t kBlocks>
HWY_INLINE void PlanarColumns(const PlanarTile& tile, size_t block, float* t) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  const D d;
  V acc[kBlocks][kRows][NV];
#pragma GCC unroll 4
  for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 16
    for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) acc[b][m][v] = hn::Zero(d);
    }
  }
  PlanarSum<kRows, NV, kBlocks>(tile.segment, tile.segments, tile.channels, tile.channel_stride, tile.block_stride, block, acc);
#pragma GCC unroll 4
  for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 16
    for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) {
        hn::StoreU(acc[b][m][v], d, t + static_cast<ptrdiff_t>(m) * tile.t_stride + b * kBlock + v * kLanes);
      }
    }
  }
}

template <size_t kRows>
HWY_NOINLINE void PlanarBlock(const PlanarTile& tile) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  constexpr size_t kBlocks = planar_blocks(kRows);
  size_t begin = 0;
  size_t block = 0;
  for (; kBlocks > 1 && begin + kBlocks * kBlock <= tile.count; begin += kBlocks * kBlock, block += kBlocks) {
    PlanarColumns<kRows, kPlanarVectors, kBlocks>(tile, block, tile.t + begin);
  }
  for (; begin + kLanes < tile.count; begin += kBlock, ++block)
    PlanarColumns<kRows, kPlanarVectors, 1>(tile, block, tile.t + begin);
  if (begin < tile.count) PlanarColumns<kRows, 1, 1>(tile, block, tile.t + begin);
}

void CopyBlocks(const float* from, size_t count, float* to, ptrdiff_t block_stride) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  const D d;
  for (; count >= kBlock; count -= kBlock, from += kBlock, to += block_stride) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kPlanarVectors; ++v) hn::StoreU(hn::LoadU(d, from + v * kLanes), d, to + v * kLanes);
  }
  if (count == 0) return;
#pragma GCC unroll 4
  for (size_t v = 0; v < kPlanarVectors; ++v) hn::StoreU(LoadColumns(from, v, count), d, to + v * kLanes);
}

void PadRows(const float* from, ptrdiff_t from_stride, size_t rows, size_t count, size_t left, float* to, size_t to_stride) {
  const D d;
  for (size_t r = 0; r < rows; ++r, from += from_stride, to += to_stride) {
    for (size_t i = 0; i < left; i += kLanes) hn::StoreU(hn::Zero(d), d, to + i);
    for (size_t i = 0; i < count; i += kLanes) hn::StoreU(LoadColumns(from + i, 0, count - i), d, to + left + i);
    for (size_t i = left + (count + kLanes - 1) / kLanes * kLanes; i < to_stride; i += kLanes) hn::StoreU(hn::Zero(d), d, to + i);
  }
}

template <size_t kRows>
void FillPlanar(KernelTable* table) {
  if constexpr (kRows > 0) {
    table->planar[kRows - 1] = PlanarBlock<kRows>;
    FillPlanar<kRows - 1>(table);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
