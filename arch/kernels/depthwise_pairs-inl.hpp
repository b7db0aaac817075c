// Depthwise rows of pixels with two phases of neighbouring taps, or one (stride 1). Four cells of two phases are eight sums in
// registers: each input is loaded once for all of them and each weight once for four cells, so multiply-adds are the limit.
// Included after depthwise_outputs-inl.hpp.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

constexpr size_t kDepthwiseCells = 4;
constexpr size_t kDepthwiseSingleCells = kLanes > 1 ? 8 : 4;  // of one phase
// Are there kernels for tiles all of whose inputs are there, and for three cells? Single numbers do without: the kernels that look
// at each input's bit take less time where the sums do not fit registers anyway (a sixth, stride 2), and less room.
constexpr bool kDepthwiseInside = kLanes > 1;
constexpr bool kDepthwiseThrees = kLanes > 1;
// Are lines that will be stored to asked for? On others hardware has not been seen to need it.
constexpr bool kDepthwiseAsks = kLanes > 1 && HWY_ARCH_X86 != 0;

// The inputs that kCells cells of two phases read, counted from where the first phase of the first cell has its tap 0.
template <size_t kTaps0, size_t kTaps1, int kShift, size_t kCells>
struct DepthwiseWindow {
  static constexpr int low0 = 1 - static_cast<int>(kTaps0);
  static constexpr int low1 = kShift + 1 - static_cast<int>(kTaps1);
  static constexpr int low = kTaps1 == 0 || (kTaps0 != 0 && low0 < low1) ? low0 : low1;
  static constexpr int high = static_cast<int>(kCells) - 1 + (kTaps1 == 0 ? 0 : kShift);
  static constexpr int inputs = high - low + 1;
};

// kCells cells of kPhases phases, the channels [begin, end) in blocks of kVectors vectors. Phase 0 has kTaps0 taps, tap 0 of cell n
// at x[n]; phase 1, if there is one, has kTaps1, tap 0 at x[n + kShift]; `x_offset` leads to the first input of the window.
// !kInside: those inputs are met that `valid` has a bit for.
template <size_t kPhases, size_t kTaps0, size_t kTaps1, int kShift, size_t kCells, size_t kVectors, bool kInside, bool kWhole,
          bool kAsk = false>
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
    V sum[kPhases * kCells][kVectors];
#pragma GCC unroll 2
    for (size_t v = 0; v < kVectors; ++v) {
      const V bias = hn::LoadU(d, biases + c + v * kLanes);
#pragma GCC unroll 8
      for (size_t i = 0; i < kPhases * kCells; ++i) sum[i][v] = bias;
    }
    for (const DepthwiseTap* tap = first; tap != last; ++tap) {
      const float* const weights = tap->w + w;
      const float* const inputs = tap->x + x_offset + static_cast<ptrdiff_t>(c);
#pragma GCC unroll 2
      for (size_t v = 0; v < kVectors; ++v) {
        const float* const weights_v = weights + static_cast<ptrdiff_t>(v) * w_stride;
        V w0[kTaps0 == 0 ? 1 : kTaps0];
        V w1[kTaps1 == 0 ? 1 : kTaps1];
#pragma GCC unroll 8
        for (size_t j = 0; j < kTaps0; ++j) w0[j] = hn::LoadU(d, weights_v + (kFirst0 + kPhases * j) * kLanes);
#pragma GCC unroll 4
        for (size_t j = 0; j < kTaps1; ++j) w1[j] = hn::LoadU(d, weights_v + (kFirst1 + kPhases * j) * kLanes);
        const float* x = inputs + v * kLanes;
#pragma GCC unroll 16
        for (int i = 0; i < Window::inputs; ++i, x += x_stride) {
          if (!kInside && (valid >> i & 1) == 0) continue;
          const V value = kWhole ? hn::LoadU(d, x) : LoadFirst(x, to.channels - c);
          const int m = Window::low + i;
#pragma GCC unroll 8
          for (int n = 0; n < static_cast<int>(kCells); ++n) {
            const int j0 = n - m;
            const int j1 = n + kShift - m;
            if (j0 >= 0 && j0 < static_cast<int>(kTaps0)) sum[kPhases * n][v] = hn::MulAdd(value, w0[j0], sum[kPhases * n][v]);
            if (j1 >= 0 && j1 < static_cast<int>(kTaps1))
              sum[kPhases * n + 1][v] = hn::MulAdd(value, w1[j1], sum[kPhases * n + 1][v]);
          }
        }
      }
    }
    to.Store<kVectors, kPhases * kCells, kInside, kWhole, kAsk>(r, sum, c);
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
    // Unrolled it takes a third more time with AVX-512.
#pragma GCC unroll 1
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
      to.Skip(2);
    }
  }
}

// All channels of kCells cells, the first input of whose window is x[position].
template <size_t kPhases, size_t kTaps0, size_t kTaps1, int kShift, size_t kCells, size_t kVectors>
HWY_INLINE void DepthwisePairTile(const DepthwiseRows& r, const DepthwiseOutputs& to, ptrdiff_t x_offset, ptrdiff_t position) {
  using Window = DepthwiseWindow<kTaps0, kTaps1, kShift, kCells>;
  const size_t blocks = r.channels / (kVectors * kLanes) * (kVectors * kLanes);
  const size_t whole = r.channels / kLanes * kLanes;
  const ptrdiff_t width = static_cast<ptrdiff_t>(r.width);
  const bool inside = position >= 0 && position + Window::inputs <= width && to.count >= kPhases * kCells;
  unsigned valid = ~0u;
  if (HWY_UNLIKELY(!inside)) {
    valid = 0;
    for (ptrdiff_t m = 0; m < Window::inputs; ++m) valid |= (position + m >= 0 && position + m < width ? 1u : 0u) << m;
  }
  if (kDepthwiseInside && HWY_LIKELY(inside)) {
    constexpr bool kAsk = kDepthwiseAsks && kPhases == 2 && kCells != 3;
    if (kAsk && r.beyond_l2) {
      DepthwisePairs<kPhases, kTaps0, kTaps1, kShift, kCells, kVectors, kDepthwiseInside, true, kAsk>(r, to, x_offset, valid, 0,
                                                                                                      blocks);
    } else {
      DepthwisePairs<kPhases, kTaps0, kTaps1, kShift, kCells, kVectors, kDepthwiseInside, true>(r, to, x_offset, valid, 0, blocks);
    }
  } else {
    DepthwisePairs<kPhases, kTaps0, kTaps1, kShift, kCells, kVectors, false, true>(r, to, x_offset, valid, 0, blocks);
  }
  if constexpr (kVectors > 1) {
    if (blocks < whole)
      DepthwisePairs<kPhases, kTaps0, kTaps1, kShift, kCells, 1, false, true>(r, to, x_offset, valid, blocks, whole);
  }
  if constexpr (kLanes > 1) {
    if (whole < r.channels)
      DepthwisePairs<kPhases, kTaps0, kTaps1, kShift, kCells, 1, false, false>(r, to, x_offset, valid, whole, r.channels);
  }
}

template <size_t kPhases, size_t kTaps0, size_t kTaps1, int kShift, size_t kCells, size_t kVectors>
void DepthwisePairRows(const DepthwiseRows& r) {
  using Window = DepthwiseWindow<kTaps0, kTaps1, kShift, kCells>;
  const size_t whole = r.channels / kLanes * kLanes;
  const ptrdiff_t width = static_cast<ptrdiff_t>(r.width);
  const bool across_lines = r.y_stride % static_cast<ptrdiff_t>(kLanes) != 0;
  const ptrdiff_t shift = (kTaps0 != 0 ? r.phase[0].shift : r.phase[1].shift - kShift) + Window::low;
  for (size_t row = 0; row < r.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    DepthwiseOutputs to(r, r.y + i * r.y_row_stride, r.residual != nullptr ? r.residual + i * r.residual_row_stride : nullptr,
                        r.columns);
    ptrdiff_t position = shift;
    const auto advance = [&](size_t cells) {
      to.count -= HWY_MIN(to.count, kPhases * cells);
      to.Skip(kPhases * cells);
      position += static_cast<ptrdiff_t>(cells);
    };
    while (to.count != 0) {
      const ptrdiff_t x_offset = i * r.x_row_stride + position * r.x_stride;
      if constexpr (kPhases == 2 && kLanes >= 8 && kCells == kDepthwiseCells && kTaps0 + kTaps1 <= 3) {
        if (r.taps == 1 && across_lines && position >= 0 && position + static_cast<ptrdiff_t>(kCells) + Window::inputs <= width &&
            to.count > 4 * kCells) {
          DepthwiseRowCells<kTaps0, kTaps1, kShift, 2 * kCells>(r, to, x_offset, 0, whole);
          for (size_t half = 0; half < 2; ++half, advance(kCells)) {
            if (whole == r.channels) continue;
            DepthwisePairs<kPhases, kTaps0, kTaps1, kShift, kCells, 1, false, false>(
                r, to, i * r.x_row_stride + position * r.x_stride, ~0u, whole, r.channels);
          }
          continue;
        }
      }
      // Threes leave nothing over where fours would (7 cells: 5% less time, 13: 15%).
      if constexpr (kDepthwiseThrees && kPhases == 2 && kCells == 4 && kTaps0 + kTaps1 >= 4) {
        const size_t cells = (to.count + 1) / 2;
        if (cells <= 3 || cells == 5 || cells == 6 || cells == 9) {
          DepthwisePairTile<kPhases, kTaps0, kTaps1, kShift, 3, kVectors>(r, to, x_offset, position);
          advance(3);
          continue;
        }
      }
      DepthwisePairTile<kPhases, kTaps0, kTaps1, kShift, kCells, kVectors>(r, to, x_offset, position);
      advance(kCells);
    }
  }
}

// Where little is done for an output, two neighbouring vectors of channels fill a cache line together.
template <size_t kTaps0, size_t kTaps1, int kShift>
HWY_INLINE void DepthwisePairRows(const DepthwiseRows& r) {
  constexpr bool kHalfLines = kLanes < 16 && kLanes > 1;
  if constexpr (kHalfLines && kTaps0 + kTaps1 <= 2) return DepthwisePairRows<2, kTaps0, kTaps1, kShift, 2, 2>(r);
  DepthwisePairRows<2, kTaps0, kTaps1, kShift, kDepthwiseCells, 1>(r);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
