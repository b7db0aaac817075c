// pixel_products: pixels that lie anywhere times a block of packed weights, added to outputs that lie anywhere.
//
// A register tile of MR pixels by NV vectors, as in gemm_columns, but each row has pointers of its own: neighbouring rows of a tile
// may be pixels of different image rows, planes or images, so that a 4 x 4 image fills tiles and pixels whose tap falls outside of
// the output are simply not listed. Meanwhile the weights of the next call are fetched, evenly over the tiles of this one.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// As in gemm_columns, but at most eight rows on x86-64: more row pointers than that its integer registers do not hold.
#if HWY_TARGET == HWY_AVX3
constexpr size_t kPixelRows[KernelTable::max_vectors] = {8, 8, 8, 6};
#elif HWY_TARGET == HWY_AVX2
constexpr size_t kPixelRows[KernelTable::max_vectors] = {8, 6, 4, 0};
#elif HWY_TARGET == HWY_SSE4
constexpr size_t kPixelRows[KernelTable::max_vectors] = {8, 6, 4, 3};
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
constexpr size_t kPixelRows[KernelTable::max_vectors] = {12, 8, 6, 4};
#elif HWY_TARGET == HWY_NEON
constexpr size_t kPixelRows[KernelTable::max_vectors] = {8, 4, 3, 2};
#else
constexpr size_t kPixelRows[KernelTable::max_vectors] = {4, 4, 3, 3};
#endif

// Steps of the sum done per round of the loop. With more than two, GCC 12 runs out of registers in the largest tiles.
constexpr size_t PixelStepsPerRound(size_t rows, size_t vectors) {
  return (HWY_TARGET == HWY_AVX2 && rows * vectors > 10) || (HWY_TARGET == HWY_AVX3 && rows * vectors > 20) ? 2 : 4;
}

// Cache lines to fetch meanwhile.
struct PixelPrefetch {
  const char* line;
  size_t lines;
};

// acc[m][v] += row_m[k .. k + kSteps) * b[0 .. kSteps)[v]
template <size_t MR, size_t NV, size_t kSteps>
HWY_INLINE void PixelSteps(const float* const (&row)[MR], size_t k, const float* HWY_RESTRICT b, V (&acc)[MR][NV]) {
  const D d;
#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
  if constexpr (kSteps == 4) {
    V four[MR];
#pragma GCC unroll 16
    for (size_t m = 0; m < MR; ++m) four[m] = hn::LoadU(d, row[m] + k);
    const auto by_lane = [&](auto lane) HWY_ATTR {
      V column[NV];
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) column[v] = hn::Load(d, b + (lane.value * NV + v) * kLanes);
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m) {
        const V broadcast = hn::Broadcast<lane.value>(four[m]);
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v) acc[m][v] = hn::MulAdd(broadcast, column[v], acc[m][v]);
      }
    };
    by_lane(std::integral_constant<int, 0>());
    by_lane(std::integral_constant<int, 1>());
    by_lane(std::integral_constant<int, 2>());
    by_lane(std::integral_constant<int, 3>());
    return;
  }
#endif
#pragma GCC unroll 4
  for (size_t i = 0; i < kSteps; ++i) {
    V column[NV];
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) column[v] = hn::Load(d, b + (i * NV + v) * kLanes);
#pragma GCC unroll 16
    for (size_t m = 0; m < MR; ++m) {
      const V broadcast = LoadBroadcast(row[m] + k + i);
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) acc[m][v] = hn::MulAdd(broadcast, column[v], acc[m][v]);
    }
  }
}

template <size_t MR, size_t NV>
HWY_NOINLINE void PixelTile(const PixelProduct& p, const PixelPair* pair, [[maybe_unused]] PixelPrefetch fetch) {
  const D d;
  const float* row[MR];
  V acc[MR][NV];
#pragma GCC unroll 16
  for (size_t m = 0; m < MR; ++m) {
    row[m] = p.a + static_cast<ptrdiff_t>(pair[m].input) * p.a_stride;
    const float* const c = p.c + pair[m].output * (NV * kLanes);
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) acc[m][v] = hn::Load(d, c + v * kLanes);
  }
  const float* HWY_RESTRICT b = p.b;
  const size_t steps = p.k;
  size_t k = 0;
#if !(HWY_TARGET == HWY_NEON && !HWY_ARCH_ARM_A64)  // ARMv7: loads for more than one step would not fit the registers
  constexpr size_t kSteps = PixelStepsPerRound(MR, NV);
  const size_t rounds = steps / kSteps;
  const size_t lines_per_round = rounds == 0 ? 0 : (fetch.lines + rounds - 1) / rounds;
  for (; k + kSteps <= steps; k += kSteps, b += kSteps * NV * kLanes) {
    for (size_t i = lines_per_round; i != 0; --i, fetch.line += 64) __builtin_prefetch(fetch.line);
    PixelSteps<MR, NV, kSteps>(row, k, b, acc);
  }
#endif
  for (; k < steps; ++k, b += NV * kLanes) PixelSteps<MR, NV, 1>(row, k, b, acc);
#pragma GCC unroll 16
  for (size_t m = 0; m < MR; ++m) {
    float* const c = p.c + pair[m].output * (NV * kLanes);
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) hn::Store(acc[m][v], d, c + v * kLanes);
  }
}

template <size_t MR, size_t NV>
HWY_INLINE void PixelTileOfRows(const PixelProduct& p, const PixelPair* pair, size_t rows, PixelPrefetch fetch) {
  if (rows == MR) {
    PixelTile<MR, NV>(p, pair, fetch);
  } else if constexpr (MR > 1) {
    PixelTileOfRows<MR - 1, NV>(p, pair, rows, fetch);
  }
}

// As few tiles as possible, of sizes that differ by one at most.
template <size_t NV>
void PixelProducts(const PixelProduct& p) {
  constexpr size_t MR = kPixelRows[NV - 1];
  const size_t tiles = (p.pairs + MR - 1) / MR;
  const size_t lines = p.next == nullptr ? 0 : p.k * (NV * kLanes * sizeof(float)) / 64;
  const size_t lines_per_tile = (lines + tiles - 1) / tiles;
  const char* line = reinterpret_cast<const char*>(p.next);
  size_t first = 0;
  for (size_t i = 0; i < tiles; ++i, line += lines_per_tile * 64) {
    const size_t rows = (p.pairs - first + tiles - i - 1) / (tiles - i);
    PixelTileOfRows<MR, NV>(p, p.pair + first, rows, {line, lines_per_tile});
    first += rows;
  }
}

template <size_t NV>
void FillPixels(KernelTable* table) {
  if constexpr (NV > 0) {
    if constexpr (kPixelRows[NV - 1] != 0) {
      table->pixels[NV - 1] = PixelProducts<NV>;
      table->pixel_tile_rows[NV - 1] = kPixelRows[NV - 1];
    }
    FillPixels<NV - 1>(table);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
