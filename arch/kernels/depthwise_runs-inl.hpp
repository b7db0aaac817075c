// Depthwise rows of pixels of any stride, dilation and taps. Phases come in runs: neighbours that read the same inputs, whose
// weights are neighbours, too (of stride s and kernel k, the k mod s phases that have one tap more than the others, and those
// others). Up to four phases of some cells are eight sums in registers: an input that is loaded serves all phases and a weight all
// cells. Included after depthwise_outputs-inl.hpp.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

constexpr size_t kDepthwiseRunPhases = 4;

// kCells cells of kPhases phases, the channels [begin, end). Tap 0 of the first cell reads the pixel `at`. !kInside: pixels outside
// of the image are left out, and only the first cells may be stored.
template <size_t kPhases, size_t kCells, bool kInside, bool kWhole, bool kAsk = false>
HWY_NOINLINE void DepthwiseRunCells(const DepthwiseRows& r, const DepthwiseOutputs& outputs, const DepthwisePhase& phase,
                                    ptrdiff_t x_offset, ptrdiff_t at, size_t begin, size_t end) {
  const D d;
  const DepthwiseOutputs to = outputs;
  const size_t taps = phase.taps;
  const DepthwiseTap* const first = r.tap;
  const DepthwiseTap* const last = taps != 0 ? r.tap + r.taps : r.tap;
  const ptrdiff_t x_stride = r.x_stride;
  const ptrdiff_t x_step = r.x_step * r.x_stride;
  const ptrdiff_t w_step = static_cast<ptrdiff_t>(r.tap_step * kLanes);
  const ptrdiff_t w_stride = r.weight_stride;
  const float* const biases = r.bias;
  ptrdiff_t w_first = static_cast<ptrdiff_t>(begin / kLanes) * w_stride + static_cast<ptrdiff_t>(phase.first * kLanes);
  for (size_t c = begin; c < end; c += kLanes, w_first += w_stride) {
    V sum[kCells * kPhases][1];
    const V bias = hn::LoadU(d, biases + c);
#pragma GCC unroll 8
    for (size_t i = 0; i < kCells * kPhases; ++i) sum[i][0] = bias;
    for (const DepthwiseTap* tap = first; tap != last; ++tap) {
      const float* x = tap->x + x_offset + static_cast<ptrdiff_t>(c);
      const float* w = tap->w + w_first;
      ptrdiff_t pixel = at;
      for (size_t j = taps; j != 0; --j, x -= x_step, w += w_step, pixel -= r.x_step) {
        if (kInside) {
          V value[kCells];
#pragma GCC unroll 8
          for (size_t n = 0; n < kCells; ++n) value[n] = hn::LoadU(d, x + static_cast<ptrdiff_t>(n) * x_stride);
#pragma GCC unroll 4
          for (size_t p = 0; p < kPhases; ++p) {
            const V weight = hn::LoadU(d, w + p * kLanes);
#pragma GCC unroll 8
            for (size_t n = 0; n < kCells; ++n) sum[n * kPhases + p][0] = hn::MulAdd(value[n], weight, sum[n * kPhases + p][0]);
          }
        } else {
#pragma GCC unroll 8
          for (size_t n = 0; n < kCells; ++n) {
            if (static_cast<size_t>(pixel) + n >= r.width) continue;
            const float* const from = x + static_cast<ptrdiff_t>(n) * x_stride;
            const V value = kWhole ? hn::LoadU(d, from) : LoadFirst(from, to.channels - c);
#pragma GCC unroll 4
            for (size_t p = 0; p < kPhases; ++p)
              sum[n * kPhases + p][0] = hn::MulAdd(value, hn::LoadU(d, w + p * kLanes), sum[n * kPhases + p][0]);
          }
        }
      }
    }
    to.Store<1, kCells * kPhases, kInside, kWhole, kAsk, kPhases>(r, sum, c);
  }
}

// The channels from `begin` on, fewer than a vector, where there are no masks: cell by cell, as loads and stores of parts of
// vectors take much room.
template <size_t kPhases>
void DepthwiseRunEnds(const DepthwiseRows& r, DepthwiseOutputs to, const DepthwisePhase& phase, ptrdiff_t x_offset, ptrdiff_t at,
                      size_t begin) {
  for (; to.count != 0; to.count -= kPhases) {
    DepthwiseRunCells<kPhases, 1, false, false>(r, to, phase, x_offset, at++, begin, r.channels);
    x_offset += r.x_stride;
    to.Skip(r.phases);
  }
}

// The outputs of `cells` cells of kPhases phases, as many of them as a kernel does at a time.
template <size_t kPhases, size_t kCells>
void DepthwiseRunTiles(const DepthwiseRows& r, DepthwiseOutputs to, const DepthwisePhase& phase, ptrdiff_t row_offset, ptrdiff_t at,
                       size_t cells) {
  const size_t whole = r.channels / kLanes * kLanes;
  const ptrdiff_t period = static_cast<ptrdiff_t>(r.phases);
  const ptrdiff_t reach = phase.taps == 0 ? 0 : (static_cast<ptrdiff_t>(phase.taps) - 1) * r.x_step;
  to.y_gap = (period - static_cast<ptrdiff_t>(kPhases)) * r.y_stride;
  to.residual_gap = (period - static_cast<ptrdiff_t>(kPhases)) * r.residual_stride;
  for (size_t n = 0; n < cells; n += kCells) {
    const ptrdiff_t x_offset = row_offset + at * r.x_stride;
    to.count = HWY_MIN(cells - n, kCells) * kPhases;
    const bool inside =
        to.count == kCells * kPhases &&
        (phase.taps == 0 || (at - reach >= 0 && at + static_cast<ptrdiff_t>(kCells) <= static_cast<ptrdiff_t>(r.width)));
    auto kernel = DepthwiseRunCells<kPhases, kCells, false, true>;
    if (kDepthwiseInside && inside) {
      kernel = kDepthwiseAsks && r.beyond_l2 ? DepthwiseRunCells<kPhases, kCells, kDepthwiseInside, true, kDepthwiseAsks>
                                             : DepthwiseRunCells<kPhases, kCells, kDepthwiseInside, true>;
    }
    kernel(r, to, phase, x_offset, at, 0, whole);
    if constexpr (kLanes >= 8) {
      if (whole < r.channels) DepthwiseRunCells<kPhases, kCells, false, false>(r, to, phase, x_offset, at, whole, r.channels);
    } else if constexpr (kLanes > 1) {
      if (whole < r.channels) DepthwiseRunEnds<kPhases>(r, to, phase, x_offset, at, whole);
    }
    at += static_cast<ptrdiff_t>(kCells);
    to.Skip(kCells * r.phases);
  }
}

// How many phases from `first` on are done together.
size_t DepthwiseRunLength(const DepthwiseRows& r, size_t first) {
  const DepthwisePhase& phase = r.phase[first];
  size_t n = 1;
  while (first + n < r.phases) {
    const DepthwisePhase& next = r.phase[first + n];
    if (next.taps != phase.taps || (phase.taps != 0 && (next.shift != phase.shift || next.first != phase.first + n))) break;
    ++n;
  }
  // Evenly, in as few as there can be.
  const size_t parts = (n + kDepthwiseRunPhases - 1) / kDepthwiseRunPhases;
  return (n + parts - 1) / parts;
}

// `cells` cells from cell n on, `length` phases from phase p on.
void DepthwiseRun(const DepthwiseRows& r, const DepthwiseOutputs& to, size_t p, ptrdiff_t row_offset, size_t n, size_t length,
                  size_t cells) {
  const DepthwisePhase& phase = r.phase[p];
  const ptrdiff_t at = static_cast<ptrdiff_t>(n) + phase.shift;
  switch (length) {
    case 4:
      return DepthwiseRunTiles<4, 2>(r, to, phase, row_offset, at, cells);
    case 3:
      return DepthwiseRunTiles<3, 2>(r, to, phase, row_offset, at, cells);
    case 2:
      return DepthwiseRunTiles<2, 4>(r, to, phase, row_offset, at, cells);
  }
  if (cells > 4) return DepthwiseRunTiles<1, 8>(r, to, phase, row_offset, at, cells);
  DepthwiseRunTiles<1, 4>(r, to, phase, row_offset, at, cells);
}

// Any phases and taps.
void DepthwiseAnyRows(const DepthwiseRows& r) {
  const size_t most = r.phases <= 2 ? 8 : 4;
  for (size_t row = 0; row < r.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    const float* const residual = r.residual != nullptr ? r.residual + i * r.residual_row_stride : nullptr;
    DepthwiseOutputs to(r, r.y + i * r.y_row_stride, residual, 0);
    const ptrdiff_t row_offset = i * r.x_row_stride;
    for (size_t tile = 0; tile * r.phases < r.columns; tile += most) {
      for (size_t p = 0; p < r.phases;) {
        const size_t length = DepthwiseRunLength(r, p);
        for (size_t n = tile; n < tile + most;) {
          const size_t o = n * r.phases + p;
          if (o >= r.columns) break;
          // Of the last cell there may be fewer.
          const size_t left = r.columns - o;
          const size_t cells = left < length ? 1 : HWY_MIN((left - length) / r.phases + 1, tile + most - n);
          to.y = r.y + i * r.y_row_stride + static_cast<ptrdiff_t>(o) * r.y_stride;
          if (residual != nullptr) to.residual = residual + static_cast<ptrdiff_t>(o) * r.residual_stride;
          DepthwiseRun(r, to, p, row_offset, n, HWY_MIN(left, length), cells);
          n += cells;
        }
        p += length;
      }
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
