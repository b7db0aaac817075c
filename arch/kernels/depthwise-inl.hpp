// depthwise_channels: output rows of a depthwise layer, vectors along the channels (NHWC), written in the order of memory.
//
// The x-phases of a cell (the outputs phases * n .. phases * n + phases - 1) are done together, one or two of neighbouring taps by
// depthwise_pairs-inl.hpp, others by depthwise_runs-inl.hpp.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// Rows that no tap meets, where nothing is added to f(bias): pixel by pixel.
void DepthwiseFill(const DepthwiseRows& r) {
  const D d;
  const ClampBounds bounds = BoundsOf(r.epilogue);
  const V low = hn::Set(d, bounds.low);
  const V high = hn::Set(d, bounds.high);
  const size_t channels = r.channels;
  const float* const bias = r.bias;
  for (size_t row = 0; row < r.rows; ++row) {
    float* y = r.y + static_cast<ptrdiff_t>(row) * r.y_row_stride;
    for (size_t o = 0; o < r.columns; ++o, y += r.y_stride) {
      size_t c = 0;
      for (; c + kLanes <= channels; c += kLanes) hn::StoreU(ClampKeepNaN(hn::LoadU(d, bias + c), low, high), d, y + c);
      if (c < channels) StoreFirst(ClampKeepNaN(hn::LoadU(d, bias + c), low, high), y + c, channels - c);
    }
  }
}

void DepthwiseChannels(const DepthwiseRows& r) {
  if (r.taps == 0 && r.residual == nullptr && IsClamp(r.epilogue.kind)) return DepthwiseFill(r);
  if (r.taps != 0 && r.phases == 1 && r.tap_step == 1 && r.x_step == 1) {
    // As many cells as leave registers for the weights and an input.
    switch (r.phase[0].taps) {
      case 2:
        return DepthwisePairRows<1, 2, 0, 0, kDepthwiseSingleCells, 1>(r);
      case 3:
        return DepthwisePairRows<1, 3, 0, 0, kDepthwiseSingleCells, 1>(r);
      case 4:
        return DepthwisePairRows<1, 4, 0, 0, kDepthwiseSingleCells, 1>(r);
      case 5:
        return DepthwisePairRows<1, 5, 0, 0, kDepthwiseSingleCells, 1>(r);
    }
  }
  if (r.phases != 2 || !r.pairs || r.taps == 0) return DepthwiseAnyRows(r);
  const size_t taps0 = r.phase[0].taps;
  const size_t taps1 = r.phase[1].taps;
  // The phase that has tap 0 of the kernel has as many taps as the other one or one more.
  if (r.phase[0].first == 0 && taps0 != 0) {
    switch (taps0 + taps1) {
      case 1:
        return DepthwisePairRows<1, 0, 0>(r);
      case 2:
        return DepthwisePairRows<1, 1, 0>(r);
      case 3:
        return DepthwisePairRows<2, 1, 0>(r);
      case 4:
        return DepthwisePairRows<2, 2, 0>(r);
      case 5:
        return DepthwisePairRows<3, 2, 0>(r);
    }
  } else {
    switch (taps0 + taps1) {
      case 1:
        return DepthwisePairRows<0, 1, 1>(r);
      case 2:
        return DepthwisePairRows<1, 1, 1>(r);
      case 3:
        return DepthwisePairRows<1, 2, 1>(r);
      case 4:
        return DepthwisePairRows<2, 2, 1>(r);
      case 5:
        return DepthwisePairRows<2, 3, 1>(r);
    }
  }
  DepthwiseAnyRows(r);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
