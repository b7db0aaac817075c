// winograd_pixels: rows of pixels to transformed rows of planes, in the blocks that planar products read.
//
// Some channels of a block of pixels are transposed row by row to scratch that stays in L1, and transformed from there: neither a
// planar copy of the input nor anything else that would go through L2 lies between the pixels and the transformed rows.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// One row. `asks`: for the next channels of the same pixels, too.
HWY_NOINLINE void PixelRow(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to, bool asks) {
  for (size_t i = 0; asks && i < pixels; ++i) {
    __builtin_prefetch(from + static_cast<ptrdiff_t>(i) * pixel + static_cast<ptrdiff_t>(channels));
  }
  PixelBlock(from, pixel, pixels, channels, to, static_cast<ptrdiff_t>(kPlanarVectors * kLanes), nullptr);
}

template <int kPoints>
HWY_NOINLINE void WinogradPixelRows(const WinogradPixels& rows) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  constexpr size_t kRow = WinogradPixels::channels_at_once * kBlock;
  const float* from[max_points] = {};
  const float* scratch[max_points] = {};
#pragma GCC unroll 8
  for (int i = 0; i < kPoints; ++i) {
    from[i] = rows.from[i];
    float* const row = rows.scratch + static_cast<size_t>(i) * kRow;
    scratch[i] = row;
    for (size_t c = 0; from[i] == nullptr && c < kRow; c += kLanes) hn::StoreU(hn::Zero(D()), D(), row + c);
  }
  float* to = rows.to;
  for (size_t x = 0; x < rows.pixels; x += kBlock) {
    const size_t pixels = HWY_MIN(rows.pixels - x, kBlock);
    const ptrdiff_t at = static_cast<ptrdiff_t>(x) * rows.pixel;
    for (size_t first = 0; first < rows.channels; first += WinogradPixels::channels_at_once) {
      const size_t channels = HWY_MIN(rows.channels - first, WinogradPixels::channels_at_once);
      for (size_t i = 0; i < static_cast<size_t>(kPoints); ++i) {
        if (from[i] == nullptr) continue;
        PixelRow(from[i] + at + static_cast<ptrdiff_t>(first), rows.pixel, pixels, channels, rows.scratch + i * kRow, rows.asks);
      }
      for (size_t c = 0; c < channels * kBlock; c += kLanes) InputVector<kPoints, true>(scratch, to, rows.to_point, c, kLanes);
      to += channels * kBlock;
    }
  }
}

template <int kPoints>
void FillWinogradPixels(KernelTable* table) {
  if constexpr (kPoints >= cook_toom::fewest_points) {
    table->winograd_pixels[kPoints] = WinogradPixelRows<kPoints>;
    FillWinogradPixels<kPoints - 1>(table);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
