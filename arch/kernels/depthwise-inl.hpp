// depthwise_channels: output rows of a depthwise layer, vectors along the channels (NHWC), written in the order of memory.
//
// The x-phases of a cell (the outputs phases * n .. phases * n + phases - 1) are done together, one or two of neighbouring taps by
// depthwise_pairs-inl.hpp. Other layers share each loaded weight among four cells of one phase.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// kCells cells of one phase that meet its taps [first, last), the channels [begin, end).
template <size_t kCells, bool kWhole>
HWY_NOINLINE void DepthwisePhaseCells(const DepthwiseRows& r, const DepthwiseOutputs& outputs, const DepthwisePhase& phase,
                                      size_t first, size_t last, ptrdiff_t x_offset, size_t begin, size_t end) {
  const D d;
  const DepthwiseOutputs to = outputs;
  const DepthwiseTap* const taps = r.tap;
  const DepthwiseTap* const taps_end = first < last ? r.tap + r.taps : r.tap;
  const ptrdiff_t x_stride = r.x_stride;
  const ptrdiff_t x_step = r.x_step * r.x_stride;
  const ptrdiff_t w_step = static_cast<ptrdiff_t>(r.tap_step * kLanes);
  const ptrdiff_t w_stride = r.weight_stride;
  const float* const biases = r.bias;
  const ptrdiff_t x_first = x_offset - static_cast<ptrdiff_t>(first) * x_step;
  ptrdiff_t w_first =
      static_cast<ptrdiff_t>(begin / kLanes) * w_stride + static_cast<ptrdiff_t>((phase.first + first * r.tap_step) * kLanes);
  for (size_t c = begin; c < end; c += kLanes, w_first += w_stride) {
    V sum[kCells][1];
    const V bias = hn::LoadU(d, biases + c);
#pragma GCC unroll 8
    for (size_t n = 0; n < kCells; ++n) sum[n][0] = bias;
    for (const DepthwiseTap* tap = taps; tap != taps_end; ++tap) {
      const float* x = tap->x + x_first + static_cast<ptrdiff_t>(c);
      const float* w = tap->w + w_first;
      for (size_t j = first; j < last; ++j, x -= x_step, w += w_step) {
        const V weight = hn::LoadU(d, w);
#pragma GCC unroll 8
        for (size_t n = 0; n < kCells; ++n) {
          const float* const at = x + static_cast<ptrdiff_t>(n) * x_stride;
          sum[n][0] = hn::MulAdd(kWhole ? hn::LoadU(d, at) : LoadFirst(at, to.channels - c), weight, sum[n][0]);
        }
      }
    }
    to.Store<1, kCells, true, kWhole>(r, sum, c);
  }
}

// All channels of kCells cells of one phase.
template <size_t kCells>
void DepthwisePhaseTile(const DepthwiseRows& r, const DepthwisePhase& phase, size_t first, size_t last, ptrdiff_t x_offset,
                        float* y, const float* residual) {
  const DepthwiseOutputs to(r, y, residual, static_cast<ptrdiff_t>(r.phases), kCells);
  const size_t whole = r.channels / kLanes * kLanes;
  DepthwisePhaseCells<kCells, true>(r, to, phase, first, last, x_offset, 0, whole);
  if (whole < r.channels) DepthwisePhaseCells<kCells, false>(r, to, phase, first, last, x_offset, whole, r.channels);
}

// Any phases and taps.
void DepthwiseAnyRows(const DepthwiseRows& r) {
  constexpr ptrdiff_t kCells = static_cast<ptrdiff_t>(kDepthwiseCells);
  const ptrdiff_t width = static_cast<ptrdiff_t>(r.width);
  const ptrdiff_t phases = static_cast<ptrdiff_t>(r.phases);
  const ptrdiff_t columns = static_cast<ptrdiff_t>(r.columns);
  for (size_t row = 0; row < r.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    for (ptrdiff_t tile = 0; tile * phases < columns; tile += kCells) {
      for (ptrdiff_t p = 0; p < phases; ++p) {
        const DepthwisePhase& phase = r.phase[p];
        const ptrdiff_t taps = r.taps == 0 ? 0 : static_cast<ptrdiff_t>(phase.taps);
        for (ptrdiff_t n = tile; n < tile + kCells;) {
          const ptrdiff_t o = n * phases + p;
          if (o >= columns) break;
          // Tap j of this cell reads x[at - j * step].
          const ptrdiff_t at = n + phase.shift;
          ptrdiff_t first = 0;
          ptrdiff_t last = taps;
          const bool four = n == tile && o + (kCells - 1) * phases < columns &&
                            (taps == 0 || (at - (taps - 1) * r.x_step >= 0 && at + kCells <= width));
          if (!four) {
            while (first < last && at - first * r.x_step >= width) ++first;
            while (first < last && at - (last - 1) * r.x_step < 0) --last;
          }
          float* const y = r.y + i * r.y_row_stride + o * r.y_stride;
          const float* const residual =
              r.residual != nullptr ? r.residual + i * r.residual_row_stride + o * r.residual_stride : nullptr;
          const auto tile_of = four ? DepthwisePhaseTile<kDepthwiseCells> : DepthwisePhaseTile<1>;
          tile_of(r, phase, static_cast<size_t>(first), static_cast<size_t>(last), i * r.x_row_stride + at * r.x_stride, y,
                  residual);
          n += four ? kCells : 1;
        }
      }
    }
  }
}

// Rows that no tap meets: f(bias + residual), pixel by pixel.
void DepthwiseFill(const DepthwiseRows& r) {
  const D d;
  const DepthwisePhase none = {};
  const bool plain = r.residual == nullptr && IsClamp(r.epilogue.kind);
  const ClampBounds bounds = BoundsOf(r.epilogue);
  const V low = hn::Set(d, bounds.low);
  const V high = hn::Set(d, bounds.high);
  const size_t channels = r.channels;
  const float* const bias = r.bias;
  for (size_t row = 0; row < r.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    float* y = r.y + i * r.y_row_stride;
    const float* residual = r.residual != nullptr ? r.residual + i * r.residual_row_stride : nullptr;
    for (size_t o = 0; o < r.columns; ++o, y += r.y_stride) {
      if (!plain) {
        DepthwisePhaseTile<1>(r, none, 0, 0, 0, y, residual);
        if (residual != nullptr) residual += r.residual_stride;
        continue;
      }
      size_t c = 0;
      for (; c + kLanes <= channels; c += kLanes) hn::StoreU(ClampKeepNaN(hn::LoadU(d, bias + c), low, high), d, y + c);
      if (c < channels) StoreFirst(ClampKeepNaN(hn::LoadU(d, bias + c), low, high), y + c, channels - c);
    }
  }
}

void DepthwiseChannels(const DepthwiseRows& r) {
  if (r.taps == 0) return DepthwiseFill(r);
  if (r.phases == 1 && r.tap_step == 1 && r.x_step == 1) {
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
  if (r.phases != 2 || !r.pairs) return DepthwiseAnyRows(r);
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
