// depthwise_channels: output rows of a depthwise layer, vectors along the channels (NHWC), written in the order of memory.
//
// The x-phases of a cell (the outputs phases * n .. phases * n + phases - 1) are done together. With two phases of neighbouring
// taps, four cells are eight sums in registers: each input is loaded once for all of them and each weight once for four cells, so
// multiply-adds are the limit. Other layers share each loaded weight among four cells of one phase.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

constexpr size_t kDepthwiseCells = 4;

// f(sum) for the sums of a vector of channels, where f is not a clamp.
HWY_NOINLINE void DepthwiseActivate(const DepthwiseRows& r, size_t c, float* sums, size_t count) {
  const D d;
  const V slope = r.epilogue.kind == ActivationKind::prelu ? hn::LoadU(d, r.slopes + c) : hn::Set(d, r.epilogue.alpha);
  for (size_t i = 0; i < count; ++i)
    hn::Store(ApplyEpilogue(hn::Load(d, sums + i * kLanes), r.epilogue, slope), d, sums + i * kLanes);
}

// Where some neighbouring outputs go, and what is done to their sums before.
struct DepthwiseOutputs {
  DepthwiseOutputs(const DepthwiseRows& r, float* outputs, const float* residuals, ptrdiff_t apart, size_t number)
      : y(outputs),
        y_step(apart * r.y_stride),
        residual(residuals),
        residual_step(apart * r.residual_stride),
        count(number),
        channels(r.channels),
        nothing(r.epilogue.kind == ActivationKind::none),
        clamp(IsClamp(r.epilogue.kind)) {
    const ClampBounds bounds = BoundsOf(r.epilogue);
    low = hn::Set(D(), bounds.low);
    high = hn::Set(D(), bounds.high);
  }

  // kVectors vectors of the channels from c on. !kAll: of kCount sums the first `count` are stored; !kWhole: the channels end
  // before the vector does.
  template <size_t kVectors, size_t kCount, bool kAll, bool kWhole>
  HWY_INLINE void Store(const DepthwiseRows& r, V (&sum)[kCount][kVectors], size_t c) const {
    if (HWY_UNLIKELY(residual != nullptr)) {
      const float* from = residual + c;
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; ++i, from += residual_step) {
#pragma GCC unroll 2
        for (size_t v = 0; v < kVectors; ++v) {
          if (kAll || i < count) sum[i][v] = hn::Add(sum[i][v], LoadColumns(from, v, channels - c));
        }
      }
    }
    if (HWY_UNLIKELY(!nothing)) {
#pragma GCC unroll 2
      for (size_t v = 0; v < kVectors; ++v) {
        if (clamp) {
#pragma GCC unroll 8
          for (size_t i = 0; i < kCount; ++i) sum[i][v] = ClampKeepNaN(sum[i][v], low, high);
        } else {
          HWY_ALIGN float sums[kCount * kLanes];
#pragma GCC unroll 8
          for (size_t i = 0; i < kCount; ++i) hn::Store(sum[i][v], D(), sums + i * kLanes);
          DepthwiseActivate(r, c + v * kLanes, sums, kCount);
#pragma GCC unroll 8
          for (size_t i = 0; i < kCount; ++i) sum[i][v] = hn::Load(D(), sums + i * kLanes);
        }
      }
    }
    float* to = y + c;
#pragma GCC unroll 8
    for (size_t i = 0; i < kCount; ++i, to += y_step) {
      if (!kAll && i >= count) break;
#pragma GCC unroll 2
      for (size_t v = 0; v < kVectors; ++v) {
        if constexpr (kWhole) {
          hn::StoreU(sum[i][v], D(), to + v * kLanes);
        } else {
          StoreFirst(sum[i][v], to, channels - c);
        }
      }
    }
  }

  V low, high;
  float* y;
  ptrdiff_t y_step;
  const float* residual;
  ptrdiff_t residual_step;
  size_t count;
  size_t channels;
  bool nothing;
  bool clamp;
};

// The inputs that kCells cells of two phases read, counted from where the first phase of the first cell has its tap 0.
template <size_t kTaps0, size_t kTaps1, int kShift, size_t kCells>
struct DepthwiseWindow {
  static constexpr int low0 = 1 - static_cast<int>(kTaps0);
  static constexpr int low1 = kShift + 1 - static_cast<int>(kTaps1);
  static constexpr int low = kTaps1 == 0 || (kTaps0 != 0 && low0 < low1) ? low0 : low1;
  static constexpr int high = static_cast<int>(kCells) - 1 + (kTaps1 == 0 ? 0 : kShift);
  static constexpr int inputs = high - low + 1;
};

// kCells cells of two phases, the channels [begin, end) in blocks of kVectors vectors. Phase 0 has kTaps0 taps, tap 0 of cell n at
// x[n]; phase 1 has kTaps1, tap 0 at x[n + kShift]; `x_offset` leads to the first input of the window. !kInside: those inputs are
// met that `valid` has a bit for.
template <size_t kTaps0, size_t kTaps1, int kShift, size_t kCells, size_t kVectors, bool kInside, bool kWhole>
HWY_NOINLINE void DepthwisePairs(const DepthwiseRows& r, const DepthwiseOutputs& outputs, ptrdiff_t x_offset, unsigned valid,
                                 size_t begin, size_t end) {
  const D d;
  using Window = DepthwiseWindow<kTaps0, kTaps1, kShift, kCells>;
  // Weights are in the order of the kernel: the taps of the phases alternate.
  constexpr size_t kFirst0 = kShift == 0 ? 0 : 1;
  constexpr size_t kFirst1 = 1 - kFirst0;
  const DepthwiseOutputs to = outputs;
  const DepthwiseTap* const first = r.tap;
  const DepthwiseTap* const last = r.tap + r.taps;
  const ptrdiff_t x_stride = r.x_stride;
  const ptrdiff_t w_stride = r.weight_stride;
  const float* const biases = r.bias;
  ptrdiff_t w = static_cast<ptrdiff_t>(begin / kLanes) * w_stride;
  for (size_t c = begin; c < end; c += kVectors * kLanes, w += static_cast<ptrdiff_t>(kVectors) * w_stride) {
    V sum[2 * kCells][kVectors];
#pragma GCC unroll 2
    for (size_t v = 0; v < kVectors; ++v) {
      const V bias = hn::LoadU(d, biases + c + v * kLanes);
#pragma GCC unroll 8
      for (size_t i = 0; i < 2 * kCells; ++i) sum[i][v] = bias;
    }
    for (const DepthwiseTap* tap = first; tap != last; ++tap) {
      const float* const weights = tap->w + w;
      const float* const inputs = tap->x + x_offset + static_cast<ptrdiff_t>(c);
#pragma GCC unroll 2
      for (size_t v = 0; v < kVectors; ++v) {
        const float* const weights_v = weights + static_cast<ptrdiff_t>(v) * w_stride;
        V w0[kTaps0 == 0 ? 1 : kTaps0];
        V w1[kTaps1 == 0 ? 1 : kTaps1];
#pragma GCC unroll 4
        for (size_t j = 0; j < kTaps0; ++j) w0[j] = hn::LoadU(d, weights_v + (kFirst0 + 2 * j) * kLanes);
#pragma GCC unroll 4
        for (size_t j = 0; j < kTaps1; ++j) w1[j] = hn::LoadU(d, weights_v + (kFirst1 + 2 * j) * kLanes);
        const float* x = inputs + v * kLanes;
#pragma GCC unroll 8
        for (int i = 0; i < Window::inputs; ++i, x += x_stride) {
          if (!kInside && (valid >> i & 1) == 0) continue;
          const V value = kWhole ? hn::LoadU(d, x) : LoadFirst(x, to.channels - c);
          const int m = Window::low + i;
#pragma GCC unroll 8
          for (int n = 0; n < static_cast<int>(kCells); ++n) {
            const int j0 = n - m;
            const int j1 = n + kShift - m;
            if (j0 >= 0 && j0 < static_cast<int>(kTaps0)) sum[2 * n][v] = hn::MulAdd(value, w0[j0], sum[2 * n][v]);
            if (j1 >= 0 && j1 < static_cast<int>(kTaps1)) sum[2 * n + 1][v] = hn::MulAdd(value, w1[j1], sum[2 * n + 1][v]);
          }
        }
      }
    }
    to.Store<kVectors, 2 * kCells, kInside, kWhole>(r, sum, c);
  }
}

// kCells cells of two phases and one row of taps, the channels [begin, end): cell after cell, as nothing is added to their sums
// later. Eight of them share the weights, where registers would not hold the sums. It pays where vectors, not those of four
// lanes, cross the ends of cache lines (AVX2, 1090 channels, 120 pixels, k = 3: 40 instead of 47 us).
template <size_t kTaps0, size_t kTaps1, int kShift, size_t kCells>
HWY_NOINLINE void DepthwiseRowCells(const DepthwiseRows& r, const DepthwiseOutputs& outputs, ptrdiff_t x_offset, size_t begin,
                                    size_t end) {
  const D d;
  using Window = DepthwiseWindow<kTaps0, kTaps1, kShift, 1>;
  constexpr size_t kFirst0 = kShift == 0 ? 0 : 1;
  constexpr size_t kFirst1 = 1 - kFirst0;
  const ptrdiff_t x_stride = r.x_stride;
  const ptrdiff_t w_stride = r.weight_stride;
  const float* const biases = r.bias;
  const float* const inputs = r.tap->x + x_offset;
  const float* weights = r.tap->w + static_cast<ptrdiff_t>(begin / kLanes) * w_stride;
  for (size_t c = begin; c < end; c += kLanes, weights += w_stride) {
    V w0[kTaps0 == 0 ? 1 : kTaps0];
    V w1[kTaps1 == 0 ? 1 : kTaps1];
#pragma GCC unroll 4
    for (size_t j = 0; j < kTaps0; ++j) w0[j] = hn::LoadU(d, weights + (kFirst0 + 2 * j) * kLanes);
#pragma GCC unroll 4
    for (size_t j = 0; j < kTaps1; ++j) w1[j] = hn::LoadU(d, weights + (kFirst1 + 2 * j) * kLanes);
    const V bias = hn::LoadU(d, biases + c);
    const float* x = inputs + c;
    DepthwiseOutputs to = outputs;
    for (size_t n = 0; n < kCells; ++n, x += x_stride) {
      V sum[2][1] = {{bias}, {bias}};
#pragma GCC unroll 8
      for (int i = 0; i < Window::inputs; ++i) {
        const V value = hn::LoadU(d, x + i * x_stride);
        const int j0 = -(Window::low + i);
        const int j1 = kShift + j0;
        if (j0 >= 0 && j0 < static_cast<int>(kTaps0)) sum[0][0] = hn::MulAdd(value, w0[j0], sum[0][0]);
        if (j1 >= 0 && j1 < static_cast<int>(kTaps1)) sum[1][0] = hn::MulAdd(value, w1[j1], sum[1][0]);
      }
      to.Store<1, 2, true, true>(r, sum, c);
      to.y += 2 * to.y_step;
      if (to.residual != nullptr) to.residual += 2 * to.residual_step;
    }
  }
}

template <size_t kTaps0, size_t kTaps1, int kShift, size_t kCells, size_t kVectors>
void DepthwisePairRows(const DepthwiseRows& r) {
  using Window = DepthwiseWindow<kTaps0, kTaps1, kShift, kCells>;
  const size_t blocks = r.channels / (kVectors * kLanes) * (kVectors * kLanes);
  const size_t whole = r.channels / kLanes * kLanes;
  const ptrdiff_t width = static_cast<ptrdiff_t>(r.width);
  const bool across_lines = r.y_stride % static_cast<ptrdiff_t>(kLanes) != 0;
  const ptrdiff_t shift = (kTaps0 != 0 ? r.phase[0].shift : r.phase[1].shift - kShift) + Window::low;
  for (size_t row = 0; row < r.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    DepthwiseOutputs to(r, r.y + i * r.y_row_stride, r.residual != nullptr ? r.residual + i * r.residual_row_stride : nullptr, 1,
                        r.columns);
    ptrdiff_t position = shift;
    const auto advance = [&](size_t cells) {
      to.count -= 2 * cells;
      to.y += static_cast<ptrdiff_t>(2 * cells) * to.y_step;
      if (to.residual != nullptr) to.residual += static_cast<ptrdiff_t>(2 * cells) * to.residual_step;
      position += static_cast<ptrdiff_t>(cells);
    };
    while (true) {
      const ptrdiff_t x_offset = i * r.x_row_stride + position * r.x_stride;
      if constexpr (kLanes >= 8 && kCells == kDepthwiseCells && kTaps0 + kTaps1 <= 3) {
        if (r.taps == 1 && across_lines && position >= 0 && position + static_cast<ptrdiff_t>(kCells) + Window::inputs <= width &&
            to.count > 4 * kCells) {
          DepthwiseRowCells<kTaps0, kTaps1, kShift, 2 * kCells>(r, to, x_offset, 0, whole);
          if (whole < r.channels) {
            DepthwisePairs<kTaps0, kTaps1, kShift, kCells, 1, false, false>(r, to, x_offset, ~0u, whole, r.channels);
            advance(kCells);
            DepthwisePairs<kTaps0, kTaps1, kShift, kCells, 1, false, false>(
                r, to, x_offset + static_cast<ptrdiff_t>(kCells) * r.x_stride, ~0u, whole, r.channels);
            advance(kCells);
            continue;
          }
          advance(2 * kCells);
          continue;
        }
      }
      const bool inside = position >= 0 && position + Window::inputs <= width && to.count >= 2 * kCells;
      unsigned valid = ~0u;
      if (HWY_LIKELY(inside)) {
        DepthwisePairs<kTaps0, kTaps1, kShift, kCells, kVectors, true, true>(r, to, x_offset, valid, 0, blocks);
      } else {
        valid = 0;
        for (ptrdiff_t m = 0; m < Window::inputs; ++m) valid |= (position + m >= 0 && position + m < width ? 1u : 0u) << m;
        DepthwisePairs<kTaps0, kTaps1, kShift, kCells, kVectors, false, true>(r, to, x_offset, valid, 0, blocks);
      }
      if (kVectors > 1 && blocks < whole)
        DepthwisePairs<kTaps0, kTaps1, kShift, kCells, 1, false, true>(r, to, x_offset, valid, blocks, whole);
      if (whole < r.channels)
        DepthwisePairs<kTaps0, kTaps1, kShift, kCells, 1, false, false>(r, to, x_offset, valid, whole, r.channels);
      if (to.count <= 2 * kCells) break;
      advance(kCells);
    }
  }
}

// Where little is done for an output, or it goes beyond L2, two neighbouring vectors of channels fill a cache line together.
template <size_t kTaps0, size_t kTaps1, int kShift>
HWY_INLINE void DepthwisePairRows(const DepthwiseRows& r) {
  constexpr bool kHalfLines = kLanes < 16 && kLanes > 1;
  if constexpr (kHalfLines && kTaps0 + kTaps1 <= 2) return DepthwisePairRows<kTaps0, kTaps1, kShift, 2, 2>(r);
  if constexpr (kHalfLines && kTaps0 + kTaps1 == 4) {
    if (r.beyond_l2 && r.channels % (2 * kLanes) == 0) return DepthwisePairRows<kTaps0, kTaps1, kShift, 2, 2>(r);
  }
  DepthwisePairRows<kTaps0, kTaps1, kShift, kDepthwiseCells, 1>(r);
}

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
