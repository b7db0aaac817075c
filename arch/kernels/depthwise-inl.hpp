// depthwise_channels: output rows of one x-phase of a depthwise layer, vectors along the channels (NHWC).
//
// Where channels are few, the weights of up to four taps stay in registers along all rows. Else four neighbouring q share each
// loaded weight, and all channels of them are done before the next ones, so that the output is written nearly in the order of
// memory.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// What happens to a sum before it is stored.
enum class Finish { nothing, clamp, any };

struct DepthwiseBounds {
  V low, high;
};
HWY_INLINE DepthwiseBounds DepthwiseBoundsOf(const DepthwiseRows& r) {
  const ClampBounds bounds = BoundsOf(r.epilogue);
  return {hn::Set(D(), bounds.low), hn::Set(D(), bounds.high)};
}

// f(sum) for the channels from c on: bias is already in it.
template <Finish kFinish>
HWY_INLINE V FinishDepthwise(const DepthwiseRows& r, V sum, size_t c, const DepthwiseBounds& bounds) {
  if constexpr (kFinish == Finish::nothing) return sum;
  if constexpr (kFinish == Finish::clamp) return ClampKeepNaN(sum, bounds.low, bounds.high);
  const V slope =
      r.epilogue.kind == ActivationKind::prelu ? LoadColumns(r.slopes + c, 0, r.channels - c) : hn::Set(D(), r.epilogue.alpha);
  return ApplyEpilogue(sum, r.epilogue, slope);
}

// A vector of channels: whole, or cut to the last `channels`.
template <bool kWhole>
HWY_INLINE V LoadChannels(const float* p, size_t channels) {
  if constexpr (kWhole) return hn::LoadU(D(), p);
  return LoadFirst(p, channels);
}
template <bool kWhole>
HWY_INLINE void StoreChannels(V v, float* p, size_t channels) {
  if constexpr (kWhole) return hn::StoreU(v, D(), p);
  StoreFirst(v, p, channels);
}

// At most one tap: pixel after pixel.
template <size_t kTaps, Finish kFinish, bool kWhole>
HWY_INLINE void DepthwiseOneTap(const DepthwiseRows& r, const float* x, const float* residual, float* y, size_t c,
                                const DepthwiseBounds& bounds) {
  const size_t channels = r.channels - c;
  V sum = LoadChannels<kWhole>(r.bias + c, channels);
  if constexpr (kTaps == 1) {
    sum = hn::MulAdd(LoadChannels<kWhole>(x + c, channels), LoadChannels<kWhole>(r.tap[0].w + c, channels), sum);
  }
  if (HWY_UNLIKELY(residual != nullptr)) sum = hn::Add(sum, LoadChannels<kWhole>(residual + c, channels));
  StoreChannels<kWhole>(FinishDepthwise<kFinish>(r, sum, c, bounds), y + c, channels);
}

template <size_t kTaps, Finish kFinish>
HWY_NOINLINE void DepthwisePixels(const DepthwiseRows& r) {
  const DepthwiseBounds bounds = DepthwiseBoundsOf(r);
  for (size_t row = 0; row < r.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    const float* x = kTaps == 1 ? r.tap[0].x + i * r.x_row_stride : nullptr;
    const float* residual = r.residual != nullptr ? r.residual + i * r.residual_row_stride : nullptr;
    float* y = r.y + i * r.y_row_stride;
    for (size_t q = 0; q < r.count; ++q, y += r.y_stride) {
      size_t c = 0;
      for (; c + kLanes <= r.channels; c += kLanes) DepthwiseOneTap<kTaps, kFinish, true>(r, x, residual, y, c, bounds);
      if (c < r.channels) DepthwiseOneTap<kTaps, kFinish, false>(r, x, residual, y, c, bounds);
      if constexpr (kTaps == 1) x += r.x_stride;
      if (residual != nullptr) residual += r.residual_stride;
    }
  }
}

// kVectors vectors of channels from c on, all whole or the only one cut; kTaps taps, weights in registers.
template <size_t kTaps, size_t kVectors, Finish kFinish, bool kWhole>
HWY_NOINLINE void DepthwiseBlock(const DepthwiseRows& r, size_t c) {
  const DepthwiseBounds bounds = DepthwiseBoundsOf(r);
  const size_t channels = r.channels - c;
  V weight[kTaps][kVectors];
  V bias[kVectors];
#pragma GCC unroll 4
  for (size_t v = 0; v < kVectors; ++v) {
    bias[v] = LoadChannels<kWhole>(r.bias + c + v * kLanes, channels);
#pragma GCC unroll 4
    for (size_t t = 0; t < kTaps; ++t) weight[t][v] = LoadChannels<kWhole>(r.tap[t].w + c + v * kLanes, channels);
  }
  for (size_t row = 0; row < r.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    const float* x[kTaps];
#pragma GCC unroll 4
    for (size_t t = 0; t < kTaps; ++t) x[t] = r.tap[t].x + i * r.x_row_stride + c;
    float* y = r.y + i * r.y_row_stride + c;
    const float* residual = r.residual != nullptr ? r.residual + i * r.residual_row_stride + c : nullptr;
    for (size_t q = 0; q < r.count; ++q, y += r.y_stride) {
      V acc[kVectors];
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) acc[v] = bias[v];
#pragma GCC unroll 4
      for (size_t t = 0; t < kTaps; ++t) {
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v)
          acc[v] = hn::MulAdd(LoadChannels<kWhole>(x[t] + v * kLanes, channels), weight[t][v], acc[v]);
        x[t] += r.x_stride;
      }
      if (HWY_UNLIKELY(residual != nullptr)) {
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) acc[v] = hn::Add(acc[v], LoadChannels<kWhole>(residual + v * kLanes, channels));
        residual += r.residual_stride;
      }
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v)
        StoreChannels<kWhole>(FinishDepthwise<kFinish>(r, acc[v], c + v * kLanes, bounds), y + v * kLanes, channels);
    }
  }
}

// Any number of taps: kCount neighbouring q, kVectors vectors of channels.
template <size_t kCount, size_t kVectors, Finish kFinish, bool kWhole>
HWY_INLINE void DepthwiseTile(const DepthwiseRows& r, size_t row, size_t q, size_t c, const DepthwiseBounds& bounds) {
  const ptrdiff_t i = static_cast<ptrdiff_t>(row);
  const ptrdiff_t first = static_cast<ptrdiff_t>(q);
  const size_t channels = r.channels - c;
  const ptrdiff_t offset = i * r.x_row_stride + first * r.x_stride + static_cast<ptrdiff_t>(c);
  V acc[kCount][kVectors];
#pragma GCC unroll 4
  for (size_t v = 0; v < kVectors; ++v) {
    const V bias = LoadChannels<kWhole>(r.bias + c + v * kLanes, channels);
#pragma GCC unroll 4
    for (size_t n = 0; n < kCount; ++n) acc[n][v] = bias;
  }
  for (const DepthwiseTap *tap = r.tap, *end = r.tap + r.taps; tap != end; ++tap) {
    const float* const w = tap->w + c;
    const float* x = tap->x + offset;
    V weight[kVectors];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) weight[v] = LoadChannels<kWhole>(w + v * kLanes, channels);
#pragma GCC unroll 4
    for (size_t n = 0; n < kCount; ++n, x += r.x_stride) {
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v)
        acc[n][v] = hn::MulAdd(LoadChannels<kWhole>(x + v * kLanes, channels), weight[v], acc[n][v]);
    }
  }
  float* y = r.y + i * r.y_row_stride + first * r.y_stride + c;
  const float* residual = r.residual != nullptr ? r.residual + i * r.residual_row_stride + first * r.residual_stride + c : nullptr;
#pragma GCC unroll 4
  for (size_t n = 0; n < kCount; ++n, y += r.y_stride) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
      V sum = acc[n][v];
      if (HWY_UNLIKELY(residual != nullptr))
        sum = hn::Add(sum, LoadChannels<kWhole>(residual + static_cast<ptrdiff_t>(n) * r.residual_stride + v * kLanes, channels));
      StoreChannels<kWhole>(FinishDepthwise<kFinish>(r, sum, c + v * kLanes, bounds), y + v * kLanes, channels);
    }
  }
}

// kCount neighbouring q, all channels.
template <size_t kCount, Finish kFinish>
HWY_NOINLINE void DepthwiseTiles(const DepthwiseRows& r, size_t row, size_t q) {
  const DepthwiseBounds bounds = DepthwiseBoundsOf(r);
  size_t c = 0;
  for (; c + 2 * kLanes <= r.channels; c += 2 * kLanes) DepthwiseTile<kCount, 2, kFinish, true>(r, row, q, c, bounds);
  if (c + kLanes <= r.channels) {
    DepthwiseTile<kCount, 1, kFinish, true>(r, row, q, c, bounds);
    c += kLanes;
  }
  if (c < r.channels) DepthwiseTile<kCount, 1, kFinish, false>(r, row, q, c, bounds);
}

template <Finish kFinish>
void DepthwiseAnyTaps(const DepthwiseRows& r) {
  for (size_t row = 0; row < r.rows; ++row) {
    size_t q = 0;
    for (; q + 4 <= r.count; q += 4) DepthwiseTiles<4, kFinish>(r, row, q);
    if (q + 2 <= r.count) {
      DepthwiseTiles<2, kFinish>(r, row, q);
      q += 2;
    }
    if (q < r.count) DepthwiseTiles<1, kFinish>(r, row, q);
  }
}

// Weights in registers.
template <size_t kTaps, Finish kFinish>
HWY_INLINE void DepthwiseTaps(const DepthwiseRows& r) {
  constexpr size_t kVectors = kLanes <= 8 ? 2 : 1;  // a cache line of AVX2, half of one of NEON
  if (r.in_order && r.channels > kVectors * kLanes) return DepthwiseAnyTaps<kFinish>(r);
  size_t c = 0;
  for (; c + kVectors * kLanes <= r.channels; c += kVectors * kLanes) DepthwiseBlock<kTaps, kVectors, kFinish, true>(r, c);
  if (kVectors > 1 && c + kLanes <= r.channels) {
    DepthwiseBlock<kTaps, 1, kFinish, true>(r, c);
    c += kLanes;
  }
  if (c < r.channels) DepthwiseBlock<kTaps, 1, kFinish, false>(r, c);
}

template <Finish kFinish>
void DepthwiseRowsOf(const DepthwiseRows& r) {
  switch (r.taps) {
    case 0:
      return DepthwisePixels<0, kFinish>(r);
    case 1:
      return DepthwisePixels<1, kFinish>(r);
    case 2:
      return DepthwiseTaps<2, kFinish>(r);
    case 4:
      return DepthwiseTaps<4, kFinish>(r);
    default:
      return DepthwiseAnyTaps<kFinish>(r);
  }
}

void DepthwiseChannels(const DepthwiseRows& r) {
  if (r.epilogue.kind == ActivationKind::none) return DepthwiseRowsOf<Finish::nothing>(r);
  if (IsClamp(r.epilogue.kind)) return DepthwiseRowsOf<Finish::clamp>(r);
  DepthwiseRowsOf<Finish::any>(r);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
