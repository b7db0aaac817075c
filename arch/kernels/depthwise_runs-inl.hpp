// Depthwise rows of pixels of any stride, dilation and taps. Phases come in runs: neighbours that read the same inputs, whose
// weights are neighbours, too (of stride s and kernel k, the k mod s phases that have one tap more than the others, and those
// others). Up to four phases of some cells are eight sums in registers: an input that is loaded serves all phases and a weight all
// cells. Included after depthwise_outputs-inl.hpp.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

constexpr size_t kDepthwiseRunPhases = 4;

// kCells cells of kPhases phases, the channels [begin, end): the taps [first, last) of x, tap 0 of the first cell at the pixel
// `at`. !kInside: pixels outside of the image are left out, and only the first cells may be stored.
template <size_t kPhases, size_t kCells, bool kInside, bool kWhole, bool kAsk = false>
HWY_NOINLINE void DepthwiseRunCells(const DepthwiseRows& r, const DepthwiseOutputs& outputs, const DepthwisePhase& phase,
                                    size_t first, size_t last, ptrdiff_t x_offset, ptrdiff_t at, size_t begin, size_t end) {
  const D d;
  const DepthwiseOutputs to = outputs;
  const DepthwiseTap* const taps = r.tap;
  const DepthwiseTap* const taps_end = first < last ? r.tap + r.taps : r.tap;
  const size_t count = last - first;
  const ptrdiff_t x_stride = r.x_stride;
  const ptrdiff_t x_step = r.x_step * r.x_stride;
  const ptrdiff_t w_step = static_cast<ptrdiff_t>(r.tap_step * kLanes);
  const ptrdiff_t w_stride = r.weight_stride;
  const float* const biases = r.bias;
  const ptrdiff_t x_first = x_offset + (at - static_cast<ptrdiff_t>(first) * r.x_step) * r.x_stride;
  ptrdiff_t w_first =
      static_cast<ptrdiff_t>(begin / kLanes) * w_stride + static_cast<ptrdiff_t>((phase.first + first * r.tap_step) * kLanes);
  for (size_t c = begin; c < end; c += kLanes, w_first += w_stride) {
    V sum[kCells * kPhases][1];
    const V bias = hn::LoadU(d, biases + c);
#pragma GCC unroll 8
    for (size_t i = 0; i < kCells * kPhases; ++i) sum[i][0] = bias;
    for (const DepthwiseTap* tap = taps; tap != taps_end; ++tap) {
      const float* x = tap->x + x_first + static_cast<ptrdiff_t>(c);
      const float* w = tap->w + w_first;
      ptrdiff_t pixel = at;
      for (size_t j = count; j != 0; --j, x -= x_step, w += w_step, pixel -= r.x_step) {
        if (kInside) {
          V value[kCells];
#pragma GCC unroll 8
          for (size_t n = 0; n < kCells; ++n) {
            const float* const from = x + static_cast<ptrdiff_t>(n) * x_stride;
            value[n] = kWhole ? hn::LoadU(d, from) : LoadFirst(from, to.channels - c);
          }
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
            const V value = hn::LoadU(d, x + static_cast<ptrdiff_t>(n) * x_stride);
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

// One cell: those of its taps that meet the image.
template <size_t kPhases, bool kWhole>
void DepthwiseRunCell(const DepthwiseRows& r, const DepthwiseOutputs& to, const DepthwisePhase& phase, ptrdiff_t x_offset,
                      ptrdiff_t at, size_t begin, size_t end) {
  const ptrdiff_t width = static_cast<ptrdiff_t>(r.width);
  ptrdiff_t first = 0;
  ptrdiff_t last = static_cast<ptrdiff_t>(phase.taps);
  while (first < last && at - first * r.x_step >= width) ++first;
  while (first < last && at - (last - 1) * r.x_step < 0) --last;
  if (first == last) first = last = at = 0;  // beside the image, as far away as may be
  DepthwiseRunCells<kPhases, 1, true, kWhole>(r, to, phase, static_cast<size_t>(first), static_cast<size_t>(last), x_offset, at,
                                              begin, end);
}

// `cells` cells of kPhases phases, kCells at a time where all their inputs are there.
template <size_t kPhases, size_t kCells>
void DepthwiseRunTiles(const DepthwiseRows& r, DepthwiseOutputs to, const DepthwisePhase& phase, ptrdiff_t x_offset, ptrdiff_t at,
                       size_t cells) {
  const size_t whole = r.channels / kLanes * kLanes;
  const ptrdiff_t gap = static_cast<ptrdiff_t>(r.phases - kPhases);
  const ptrdiff_t reach = phase.taps == 0 ? 0 : (static_cast<ptrdiff_t>(phase.taps) - 1) * r.x_step;
  const ptrdiff_t width = static_cast<ptrdiff_t>(r.width);
  to.y_gap = gap * r.y_stride;
  to.residual_gap = gap * r.residual_stride;
  while (cells != 0) {
    size_t done = 1;
    bool ends = whole < r.channels;
    if (cells >= kCells && (phase.taps == 0 || (at >= reach && at + static_cast<ptrdiff_t>(kCells) <= width))) {
      done = kCells;
      if (kDepthwiseAsks && r.beyond_l2) {
        DepthwiseRunCells<kPhases, kCells, true, true, kDepthwiseAsks>(r, to, phase, 0, phase.taps, x_offset, at, 0, whole);
      } else {
        DepthwiseRunCells<kPhases, kCells, true, true>(r, to, phase, 0, phase.taps, x_offset, at, 0, whole);
      }
      if constexpr (kLanes >= 8) {
        if (ends) DepthwiseRunCells<kPhases, kCells, true, false>(r, to, phase, 0, phase.taps, x_offset, at, whole, r.channels);
        ends = false;
      }
    } else if (kCells >= 4 && cells > 2) {
      done = HWY_MIN(cells, kCells);
      to.count = done * kPhases;
      DepthwiseRunCells<kPhases, kCells, (kCells < 4), true>(r, to, phase, 0, phase.taps, x_offset, at, 0, whole);
    } else {
      DepthwiseRunCell<kPhases, true>(r, to, phase, x_offset, at, 0, whole);
    }
    if (!ends) to.Skip(done * r.phases);
    cells -= done;
    // Parts of vectors cell by cell, where there are no masks or not all inputs: their loads and stores take much room.
    for (; done != 0; --done, ++at) {
      if constexpr (kLanes > 1) {
        if (!ends) continue;
        DepthwiseRunCell<kPhases, false>(r, to, phase, x_offset, at, whole, r.channels);
        to.Skip(r.phases);
      }
    }
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
void DepthwiseRun(const DepthwiseRows& r, const DepthwiseOutputs& to, size_t p, ptrdiff_t x_offset, size_t n, size_t length,
                  size_t cells) {
  const DepthwisePhase& phase = r.phase[p];
  const ptrdiff_t at = static_cast<ptrdiff_t>(n) + phase.shift;
  switch (length) {
    case 4:
      return DepthwiseRunTiles<4, 2>(r, to, phase, x_offset, at, cells);
    case 3:
      return DepthwiseRunTiles<3, 2>(r, to, phase, x_offset, at, cells);
    case 2:
      return DepthwiseRunTiles<2, 4>(r, to, phase, x_offset, at, cells);
  }
  if (cells > 4) return DepthwiseRunTiles<1, 8>(r, to, phase, x_offset, at, cells);
  DepthwiseRunTiles<1, 4>(r, to, phase, x_offset, at, cells);
}

// Any phases and taps.
void DepthwiseAnyRows(const DepthwiseRows& r) {
  // Cells of a tile, which all of its runs pass: more where their outputs are a few KiB.
  const size_t most = r.phases <= 2 || r.phases * r.channels <= 128 ? 8 : 4;
  // Cells at the begin of a row some of whose taps lead before the image: a tile of their own, but for a single one where this
  // would make one tile more.
  ptrdiff_t border = 0;
  for (size_t p = 0; p < r.phases; ++p) {
    const DepthwisePhase& phase = r.phase[p];
    if (phase.taps != 0) border = HWY_MAX(border, static_cast<ptrdiff_t>(phase.taps - 1) * r.x_step - phase.shift);
  }
  const ptrdiff_t rest = static_cast<ptrdiff_t>(((r.columns + r.phases - 1) / r.phases - 1) % most + 1);
  for (size_t row = 0; row < r.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    const float* const residual = r.residual != nullptr ? r.residual + i * r.residual_row_stride : nullptr;
    DepthwiseOutputs to(r, r.y + i * r.y_row_stride, residual, 0);
    const ptrdiff_t x_offset = i * r.x_row_stride;
    size_t end = (border > 1 || rest <= border) && border < static_cast<ptrdiff_t>(most) ? static_cast<size_t>(border) : most;
    for (size_t tile = 0; tile * r.phases < r.columns; tile = end, end += most) {
      for (size_t p = 0; p < r.phases;) {
        const size_t length = DepthwiseRunLength(r, p);
        for (size_t n = tile; n < end;) {
          const size_t o = n * r.phases + p;
          if (o >= r.columns) break;
          // Of the last cell there may be fewer.
          const size_t left = r.columns - o;
          const size_t cells = left < length ? 1 : HWY_MIN((left - length) / r.phases + 1, end - n);
          to.y = r.y + i * r.y_row_stride + static_cast<ptrdiff_t>(o) * r.y_stride;
          if (residual != nullptr) to.residual = residual + static_cast<ptrdiff_t>(o) * r.residual_stride;
          DepthwiseRun(r, to, p, x_offset, n, HWY_MIN(left, length), cells);
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
