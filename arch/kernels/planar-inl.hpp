// rows_of_x: a block of rows (x-phases times output channels) of broadcast weights times vectors along x.
//
// Per channel and segment: kPlanarVectors loads of x, one broadcast per row. X is scratch with room for whole vectors, so no tail.

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
#elif HWY_TARGET == HWY_NEON
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 8;
#else
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 4;
#endif

template <size_t kRows>
HWY_NOINLINE void PlanarBlock(const PlanarTile& tile) {
  const D d;
  const ptrdiff_t x_stride = tile.x_stride;
  for (size_t begin = 0; begin < tile.count; begin += kPlanarVectors * kLanes) {
    V acc[kRows][kPlanarVectors];
#pragma GCC unroll 16
    for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
      for (size_t v = 0; v < kPlanarVectors; ++v) acc[m][v] = hn::Zero(d);
    }
    for (size_t i = 0; i < tile.segments; ++i) {
      const float* HWY_RESTRICT x = tile.segment[i].x + begin;
      const float* HWY_RESTRICT w = tile.segment[i].w;
      for (size_t channel = 0; channel < tile.channels; ++channel, x += x_stride, w += kRows) {
        V column[kPlanarVectors];
#pragma GCC unroll 4
        for (size_t v = 0; v < kPlanarVectors; ++v) column[v] = hn::LoadU(d, x + v * kLanes);
#pragma GCC unroll 16
        for (size_t m = 0; m < kRows; ++m) {
          const V broadcast = hn::Set(d, w[m]);
#pragma GCC unroll 4
          for (size_t v = 0; v < kPlanarVectors; ++v) acc[m][v] = hn::MulAdd(broadcast, column[v], acc[m][v]);
        }
      }
    }
#pragma GCC unroll 16
    for (size_t m = 0; m < kRows; ++m) {
      float* const t = tile.t + static_cast<ptrdiff_t>(m) * tile.t_stride + begin;
#pragma GCC unroll 4
      for (size_t v = 0; v < kPlanarVectors; ++v) hn::StoreU(acc[m][v], d, t + v * kLanes);
    }
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
