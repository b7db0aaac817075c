// planar_rows: a block of rows of T. X is scratch with room for whole vectors, so no tail; where one vector is enough for the last
// columns, only that one is computed.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

template <size_t kRows, bool kDense, size_t NV, size_t kBlocks, size_t kFirst = 0>
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
  PlanarSum<kRows, NV, kBlocks, kFirst, false, kDense, true>(tile.segment, tile.segments, tile.channels, tile.channel_stride,
                                                             tile.block_stride, block,
                                                             {tile.fetch, tile.fetch_channel, tile.fetch_block, true}, {}, acc);
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

// Tiles of kBlocks blocks, then smaller ones for the blocks that are left: one block alone has the fewest accumulators.
template <size_t kRows, bool kDense, size_t kBlocks>
HWY_INLINE void PlanarWholeBlocks(const PlanarTile& tile, size_t& begin, size_t& block) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  if constexpr (kBlocks > 1) {
    for (;;) {
      const size_t left = (tile.count - begin) / kBlock;
      if (left < kBlocks || (kBlocks == 3 && left == 4)) break;  // 4 = 2 + 2
      PlanarColumns<kRows, kDense, kPlanarVectors, kBlocks>(tile, block, tile.t + begin);
      begin += kBlocks * kBlock;
      block += kBlocks;
    }
    PlanarWholeBlocks<kRows, kDense, kBlocks - 1>(tile, begin, block);
  }
}

template <size_t kRows, bool kDense>
HWY_NOINLINE void PlanarBlocks(const PlanarTile& tile) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  size_t begin = 0;
  size_t block = 0;
  PlanarWholeBlocks<kRows, kDense, planar_blocks(kRows)>(tile, begin, block);
  if constexpr (kRows == kPlanarHalfRows) {
    constexpr size_t kVectors = kPlanarVectors + 1;
    for (; begin + 2 * kVectors * kLanes <= tile.count; begin += 2 * kVectors * kLanes, block += kVectors) {
      PlanarColumns<kRows, kDense, kVectors, 1, 0>(tile, block, tile.t + begin);
      PlanarColumns<kRows, kDense, kVectors, 1, 1>(tile, block + 1, tile.t + begin + kVectors * kLanes);
    }
  }
  for (; begin + kLanes < tile.count; begin += kBlock, ++block)
    PlanarColumns<kRows, kDense, kPlanarVectors, 1>(tile, block, tile.t + begin);
  if (begin < tile.count) PlanarColumns<kRows, kDense, 1, 1>(tile, block, tile.t + begin);
}

template <size_t kRows>
void PlanarBlock(const PlanarTile& tile) {
  // On others, kernels that know neither distance do both.
  if constexpr (kPlanarTurns) {
    if (tile.channel_stride == static_cast<ptrdiff_t>(kPlanarVectors * kLanes)) return PlanarBlocks<kRows, true>(tile);
  }
  PlanarBlocks<kRows, false>(tile);
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
