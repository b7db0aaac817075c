// depthwise_channels: one output row of a depthwise layer, vectors along the channels (NHWC).
//
// Outer loop over blocks of channels (a cache line where possible), inner loop along the row. With up to four taps the weights of a
// block stay in registers; with more, four neighbouring q share each loaded weight.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// f(sum) for a block of channels: bias is already in it.
template <bool kClamp>
HWY_INLINE V FinishDepthwise(const DepthwiseRow& r, V sum, size_t c, size_t channels, V low, V high) {
  if constexpr (kClamp) return ClampKeepNaN(sum, low, high);
  const V slope =
      r.epilogue.kind == ActivationKind::prelu ? LoadColumns(r.slopes + c, 0, channels) : hn::Set(D(), r.epilogue.alpha);
  return ApplyEpilogue(sum, r.epilogue, slope);
}

// kVectors vectors of channels from c on, all whole (kWhole) or the only one cut to `channels`; kTaps taps, weights in registers.
template <size_t kTaps, size_t kVectors, bool kWhole, bool kClamp>
HWY_NOINLINE void DepthwiseBlock(const DepthwiseRow& r, size_t c, size_t channels) {
  const D d;
  const auto load = [channels](const float* p, size_t v)
                        HWY_ATTR { return kWhole ? hn::LoadU(D(), p + v * kLanes) : LoadColumns(p, 0, channels); };
  V weight[kTaps][kVectors];
  V bias[kVectors];
  const float* x[kTaps];
#pragma GCC unroll 4
  for (size_t v = 0; v < kVectors; ++v) {
    bias[v] = load(r.bias + c, v);
#pragma GCC unroll 4
    for (size_t t = 0; t < kTaps; ++t) weight[t][v] = load(r.tap[t].w + c, v);
  }
#pragma GCC unroll 4
  for (size_t t = 0; t < kTaps; ++t) x[t] = r.tap[t].x + c;
  const ClampBounds bounds = BoundsOf(r.epilogue);
  const V low = hn::Set(d, bounds.low);
  const V high = hn::Set(d, bounds.high);
  float* y = r.y + c;
  const float* residual = r.residual != nullptr ? r.residual + c : nullptr;
  for (size_t q = 0; q < r.count; ++q, y += r.y_stride) {
    V acc[kVectors];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) acc[v] = bias[v];
#pragma GCC unroll 4
    for (size_t t = 0; t < kTaps; ++t) {
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) acc[v] = hn::MulAdd(load(x[t], v), weight[t][v], acc[v]);
      x[t] += r.x_stride;
    }
    if (HWY_UNLIKELY(residual != nullptr)) {
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) acc[v] = hn::Add(acc[v], load(residual, v));
      residual += r.residual_stride;
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
      const V result = FinishDepthwise<kClamp>(r, acc[v], c + v * kLanes, channels - v * kLanes, low, high);
      if constexpr (kWhole) {
        hn::StoreU(result, d, y + v * kLanes);
      } else {
        StoreColumns(result, y, 0, channels);
      }
    }
  }
}

// Any number of taps: kCount neighbouring q, one vector of channels.
template <size_t kCount, bool kClamp>
HWY_INLINE void DepthwiseTile(const DepthwiseRow& r, size_t q, size_t c, size_t channels, V low, V high) {
  const ptrdiff_t offset = static_cast<ptrdiff_t>(q) * r.x_stride + static_cast<ptrdiff_t>(c);
  const V bias = LoadColumns(r.bias + c, 0, channels);
  V acc[kCount];
#pragma GCC unroll 4
  for (size_t i = 0; i < kCount; ++i) acc[i] = bias;
  for (size_t t = 0; t < r.taps; ++t) {
    const V w = LoadColumns(r.tap[t].w + c, 0, channels);
    const float* const x = r.tap[t].x + offset;
#pragma GCC unroll 4
    for (size_t i = 0; i < kCount; ++i)
      acc[i] = hn::MulAdd(LoadColumns(x + static_cast<ptrdiff_t>(i) * r.x_stride, 0, channels), w, acc[i]);
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < kCount; ++i) {
    const ptrdiff_t row = static_cast<ptrdiff_t>(q + i);
    V sum = acc[i];
    if (r.residual != nullptr) sum = hn::Add(sum, LoadColumns(r.residual + row * r.residual_stride + c, 0, channels));
    StoreColumns(FinishDepthwise<kClamp>(r, sum, c, channels, low, high), r.y + row * r.y_stride + c, 0, channels);
  }
}

template <bool kClamp>
HWY_NOINLINE void DepthwiseAnyTaps(const DepthwiseRow& r, size_t c, size_t channels) {
  const ClampBounds bounds = BoundsOf(r.epilogue);
  const V low = hn::Set(D(), bounds.low);
  const V high = hn::Set(D(), bounds.high);
  size_t q = 0;
  for (; q + 4 <= r.count; q += 4) DepthwiseTile<4, kClamp>(r, q, c, channels, low, high);
  for (; q < r.count; ++q) DepthwiseTile<1, kClamp>(r, q, c, channels, low, high);
}

// All channels, with kTaps taps (0: any number).
template <size_t kTaps, bool kClamp>
void DepthwiseTaps(const DepthwiseRow& r) {
  constexpr size_t kVectors = kLanes <= 8 ? 2 : 1;  // a cache line of AVX2, half of one of NEON
  size_t c = 0;
  if constexpr (kTaps == 0) {
    for (; c < r.channels; c += kLanes) DepthwiseAnyTaps<kClamp>(r, c, HWY_MIN(kLanes, r.channels - c));
  } else {
    for (; c + kVectors * kLanes <= r.channels; c += kVectors * kLanes) {
      DepthwiseBlock<kTaps, kVectors, true, kClamp>(r, c, kVectors * kLanes);
    }
    if (kVectors > 1 && c + kLanes <= r.channels) {
      DepthwiseBlock<kTaps, 1, true, kClamp>(r, c, kLanes);
      c += kLanes;
    }
    if (c < r.channels) DepthwiseBlock<kTaps, 1, false, kClamp>(r, c, r.channels - c);
  }
}

template <bool kClamp>
void DepthwiseRowOf(const DepthwiseRow& r) {
  switch (r.taps) {
    case 1:
      return DepthwiseTaps<1, kClamp>(r);
    case 2:
      return DepthwiseTaps<2, kClamp>(r);
    case 4:
      return DepthwiseTaps<4, kClamp>(r);
    default:
      return DepthwiseTaps<0, kClamp>(r);
  }
}

void DepthwiseChannels(const DepthwiseRow& r) {
  if (IsClamp(r.epilogue.kind)) return DepthwiseRowOf<true>(r);
  DepthwiseRowOf<false>(r);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
