// depthwise_channels: one output row of a depthwise layer, vectors along the channels (NHWC).
//
// Four neighbouring q share each loaded weight vector.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

template <size_t kCount>
HWY_INLINE void DepthwiseTile(const DepthwiseRow& r, size_t q, size_t c, size_t channels) {
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
  const V slope =
      r.epilogue.kind == ActivationKind::prelu ? LoadColumns(r.slopes + c, 0, channels) : hn::Set(D(), r.epilogue.alpha);
#pragma GCC unroll 4
  for (size_t i = 0; i < kCount; ++i) {
    const ptrdiff_t row = static_cast<ptrdiff_t>(q + i);
    V sum = acc[i];
    if (r.residual != nullptr) sum = hn::Add(sum, LoadColumns(r.residual + row * r.residual_stride + c, 0, channels));
    StoreColumns(ApplyEpilogue(sum, r.epilogue, slope), r.y + row * r.y_stride + c, 0, channels);
  }
}

void DepthwiseChannels(const DepthwiseRow& r) {
  size_t q = 0;
  for (; q + 4 <= r.count; q += 4) {
    for (size_t c = 0; c < r.channels; c += kLanes) DepthwiseTile<4>(r, q, c, HWY_MIN(kLanes, r.channels - c));
  }
  for (; q < r.count; ++q) {
    for (size_t c = 0; c < r.channels; c += kLanes) DepthwiseTile<1>(r, q, c, HWY_MIN(kLanes, r.channels - c));
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
