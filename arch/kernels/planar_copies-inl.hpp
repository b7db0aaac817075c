// Copies of the input that the planar kernels read: blocks of columns, pixels as planes, rows between zeros.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

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

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
// Four channels of a block of pixels, `stride` apart, as rows `to_stride` apart.
HWY_INLINE void FourChannels(const float* from, ptrdiff_t stride, float* to, ptrdiff_t to_stride) {
  const D d;
  const hn::Repartition<double, D> pairs;
#pragma GCC unroll 4
  for (size_t v = 0; v < kPlanarVectors; ++v, from += static_cast<ptrdiff_t>(kLanes) * stride, to += kLanes) {
    const V a0 = LoadFourColumns(from, stride);
    const V a1 = LoadFourColumns(from + stride, stride);
    const V a2 = LoadFourColumns(from + 2 * stride, stride);
    const V a3 = LoadFourColumns(from + 3 * stride, stride);
    const auto b0 = hn::BitCast(pairs, hn::InterleaveLower(d, a0, a1));
    const auto b1 = hn::BitCast(pairs, hn::InterleaveLower(d, a2, a3));
    const auto b2 = hn::BitCast(pairs, hn::InterleaveUpper(d, a0, a1));
    const auto b3 = hn::BitCast(pairs, hn::InterleaveUpper(d, a2, a3));
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, b0, b1)), d, to);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, b0, b1)), d, to + to_stride);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, b2, b3)), d, to + 2 * to_stride);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, b2, b3)), d, to + 3 * to_stride);
  }
}

// At most four channels of at most a block of pixels; zeros after `pixels`.
HWY_INLINE void SomeChannels(const float* from, ptrdiff_t stride, size_t pixels, size_t channels, float* to, ptrdiff_t to_stride) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  const hn::FixedTag<float, 4> four;
  HWY_ALIGN float some[4 * kBlock];
  if (channels == 4) {
    for (size_t i = 0; i < pixels; ++i, from += stride) hn::Store(hn::LoadU(four, from), four, some + 4 * i);
  } else {
    for (size_t i = 0; i < pixels; ++i, from += stride) {
      for (size_t c = 0; c < channels; ++c) some[4 * i + c] = from[c];
      for (size_t c = channels; c < 4; ++c) some[4 * i + c] = 0;
    }
  }
  for (size_t i = pixels; i < kBlock; ++i) hn::Store(hn::Zero(four), four, some + 4 * i);
  if (channels == 4) return FourChannels(some, 4, to, to_stride);
  HWY_ALIGN float rows[4 * kBlock];
  FourChannels(some, 4, rows, static_cast<ptrdiff_t>(kBlock));
  for (size_t c = 0; c < channels; ++c, to += to_stride) {
    for (size_t i = 0; i < kBlock; i += kLanes) hn::StoreU(hn::Load(D(), rows + c * kBlock + i), D(), to + i);
  }
}
#endif

// A block of pixels as rows: to[c * channel_stride + i] = from[i * pixel + c]; zeros after `pixels`. The pixels of a whole block at
// `next`, as far from each other as channels of a dense one, are asked for meanwhile, if it is there.
HWY_INLINE void PixelBlock(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to, ptrdiff_t channel_stride,
                           const float* next) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  if (pixels == kBlock ? channels > 4 || pixel != static_cast<ptrdiff_t>(channels) : pixels > 2) {
    size_t c = 0;
    if (HWY_LIKELY(pixels == kBlock)) {
      for (; c + 4 <= channels; c += 4, to += 4 * channel_stride) {
#pragma GCC unroll 8
        for (size_t i = 0; next != nullptr && i < 4 * kBlock; i += 64 / sizeof(float)) __builtin_prefetch(next + c * kBlock + i);
        FourChannels(from + c, pixel, to, channel_stride);
      }
    }
    // The last ones are some of those before once more, where there are as many.
    if (HWY_LIKELY(pixels == kBlock && channels >= 4)) {
      if (c < channels) {
        const ptrdiff_t back = static_cast<ptrdiff_t>(c + 4 - channels);
        FourChannels(from + channels - 4, pixel, to - back * channel_stride, channel_stride);
      }
      return;
    }
    for (; c < channels; c += 4, to += 4 * channel_stride)
      SomeChannels(from + c, pixel, pixels, HWY_MIN(channels - c, size_t{4}), to, channel_stride);
    return;
  }
#endif
  static_cast<void>(next);
  for (size_t c = 0; pixels != kBlock && c < channels; ++c) {
    float* const t = to + static_cast<ptrdiff_t>(c) * channel_stride;
    for (size_t i = 0; i < kBlock; i += kLanes) hn::StoreU(hn::Zero(D()), D(), t + i);
  }
  Transpose(from, pixel, pixels, channels, to, channel_stride);
}

void PixelPlanes(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to, ptrdiff_t block_stride,
                 ptrdiff_t channel_stride) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  [[maybe_unused]] const float* const first = from;
  for (; pixels != 0; from += static_cast<ptrdiff_t>(kBlock) * pixel, to += block_stride) {
    const size_t n = HWY_MIN(pixels, kBlock);
    pixels -= n;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
    // Where planes are dense, the last block may reach back over the one before.
    if (HWY_UNLIKELY(n < kBlock && n > 2 && channels > 4 && from != first && block_stride == static_cast<ptrdiff_t>(kBlock))) {
      for (size_t c = 0; c < channels; ++c) {
        float* const t = to + static_cast<ptrdiff_t>(c) * channel_stride;
        for (size_t i = 0; i < kBlock; i += kLanes) hn::StoreU(hn::Zero(D()), D(), t + i);
      }
      const ptrdiff_t back = static_cast<ptrdiff_t>(kBlock - n);
      return PixelBlock(from - back * pixel, pixel, kBlock, channels, to - back, channel_stride, nullptr);
    }
#endif
    // The next pixels, unless these, their copy and those would not share L1.
    const float* const next = channels * kBlock <= 2048 ? from + static_cast<ptrdiff_t>(kBlock) * pixel : nullptr;
    PixelBlock(from, pixel, n, channels, to, channel_stride, next);
  }
}

void PixelBlocks(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to) {
  constexpr ptrdiff_t kBlock = static_cast<ptrdiff_t>(kPlanarVectors * kLanes);
  PixelPlanes(from, pixel, pixels, channels, to, static_cast<ptrdiff_t>(channels) * kBlock, kBlock);
}

// Zeros in [begin, end), and up to a vector beyond.
HWY_INLINE void ClearColumns(float* row, size_t begin, size_t end) {
  for (; begin < end; begin += kLanes) hn::StoreU(hn::Zero(D()), D(), row + begin);
}

void PadRows(const float* from, ptrdiff_t from_stride, size_t rows, size_t count, size_t left, float* to, size_t to_stride) {
  const D d;
  const size_t whole = count / kLanes * kLanes;
  const size_t rest = count - whole;
  for (size_t r = 0; r < rows; ++r, from += from_stride, to += to_stride) {
    ClearColumns(to, 0, left);
    float* const row = to + left;
    size_t i = 0;
    for (; i + 4 * kLanes <= whole; i += 4 * kLanes) {
#pragma GCC unroll 4
      for (size_t v = 0; v < 4; ++v) hn::StoreU(hn::LoadU(d, from + i + v * kLanes), d, row + i + v * kLanes);
    }
    for (; i < whole; i += kLanes) hn::StoreU(hn::LoadU(d, from + i), d, row + i);
    if (rest != 0) hn::StoreU(LoadFirst(from + whole, rest), d, row + whole);
    ClearColumns(to, left + (count + kLanes - 1) / kLanes * kLanes, to_stride);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
