// gemm_columns, the strip around the register tiles: which rows a tile has, where they lie, and tiles whose sums begin or end in a
// way that the register tile itself does not know. Included after gemm-inl.hpp.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// Where row m of a strip lies.
struct StripRow {
  ptrdiff_t number = 0;    // of its run
  ptrdiff_t row;           // from where that run begins in the strip's first run
  size_t left = SIZE_MAX;  // rows to the end of the run

  StripRow(const GemmStrip& s, size_t m) : row(static_cast<ptrdiff_t>(m)) {
    if (s.run == 0) return;
    left = s.first_run - m;
    if (m < s.first_run) return;
    const size_t after = m - s.first_run;
    number = 1 + static_cast<ptrdiff_t>(after / s.run);
    row = static_cast<ptrdiff_t>(after % s.run) - static_cast<ptrdiff_t>(s.run - s.first_run);
    left = s.run - after % s.run;
  }
  template <typename T>
  T* in(T* rows, ptrdiff_t stride, ptrdiff_t run_stride) const {
    return rows + number * run_stride + row * stride;
  }
};

// What strides leave out from one run to the next.
HWY_INLINE ptrdiff_t Gap(const GemmStrip& s, ptrdiff_t stride, ptrdiff_t run_stride) {
  return s.run == 0 ? 0 : run_stride - static_cast<ptrdiff_t>(s.run) * stride;
}

// Walks through rows, from run to run.
template <typename T>
struct RowCursor {
  T* row;
  ptrdiff_t stride;
  ptrdiff_t gap;
  size_t left;
  size_t run;

  HWY_INLINE void next() {
    row += stride;
    if (--left != 0) return;
    row += gap;
    left = run;
  }
};

// One tile with a residual, with an epilogue that is not a clamp, or, on targets without masks, with a last vector that is not
// whole.
template <size_t NV>
HWY_NOINLINE void AwkwardTile(const GemmStrip& s, size_t first_row, size_t rows) {
  const D d;
  constexpr size_t kWidth = NV * kLanes;
  HWY_ALIGN float buffer[kGemmRows[NV - 1] * kWidth];
  const size_t tail = s.columns - (NV - 1) * kLanes;
  const StripRow first(s, first_row);
  RowCursor<float> c{first.in(s.c, s.c_stride, s.c_run_stride), s.c_stride, Gap(s, s.c_stride, s.c_run_stride), first.left, s.run};
  const bool through_buffer = first.left < rows || (!kMaskedTails && tail != kLanes);
  const ptrdiff_t a_offset = first.number * s.a_run_stride + first.row * s.a_stride;
  GemmTiles tile{a_offset, 1, s.bias, 0, c.row, s.c_stride};
  if (s.bias == nullptr) {
    tile.init = c.row;
    tile.init_stride = s.c_stride;
  }
  if (s.residual != nullptr || (s.bias == nullptr && through_buffer)) {
    RowCursor<const float> from{c.row, c.stride, c.gap, c.left, c.run};
    if (s.residual != nullptr) {
      from = {first.in(s.residual, s.residual_stride, s.residual_run_stride), s.residual_stride,
              Gap(s, s.residual_stride, s.residual_run_stride), first.left, s.run};
    }
    for (size_t m = 0; m < rows; ++m, from.next()) {
      for (size_t v = 0; v < NV; ++v) {
        const V value = LoadTile<NV>(from.row, v, tail);
        hn::Store(s.bias != nullptr ? hn::Add(hn::Load(d, s.bias + v * kLanes), value) : value, d,
                  buffer + m * kWidth + v * kLanes);
      }
    }
    tile.init = buffer;
    tile.init_stride = static_cast<ptrdiff_t>(kWidth);
  }
  if (through_buffer) {
    tile.c = buffer;
    tile.c_stride = static_cast<ptrdiff_t>(kWidth);
  }
  GemmTilesOfRows<kGemmRows[NV - 1], NV>(s, rows, tile);
  const bool clamps = IsClamp(s.epilogue.kind);
  if (clamps && !through_buffer) return;
  for (size_t m = 0; m < rows; ++m, c.next()) {
    const float* const from = through_buffer ? buffer + m * kWidth : c.row;
    for (size_t v = 0; v < NV; ++v) {
      const V value = through_buffer ? hn::LoadU(d, from + v * kLanes) : LoadTile<NV>(from, v, tail);
      const V slope = s.epilogue.kind == ActivationKind::prelu ? hn::Load(d, s.slopes + v * kLanes) : hn::Set(d, s.epilogue.alpha);
      StoreTile<NV>(clamps ? value : ApplyEpilogue(value, s.epilogue, slope), c.row, v, tail);
    }
  }
}

// Of what the next strip reads, the part that `count` tiles ask for when `before` of all `tiles` came before them.
HWY_INLINE void AskEvenly(const GemmStrip& s, size_t before, size_t count, size_t all, GemmTiles* tiles) {
  size_t rounds = 0;
  for (size_t i = 0; i < s.segments; ++i) rounds += s.segment[i].k / kGemmStepsPerRound;
  if (rounds == 0) return;
  tiles->ask_round = (s.next_lines + rounds * all - 1) / (rounds * all);
  const size_t a_tile = tiles->ask_round * rounds;
  tiles->ask = s.next + HWY_MIN(s.next_lines, before * a_tile) * kLineFloats;
  tiles->ask_end = s.next + HWY_MIN(s.next_lines, (before + count) * a_tile) * kLineFloats;
}

// The rows of a strip from `first_row` on, in `count` tiles of that many rows, `before` of `all` tiles.
template <size_t NV>
void GemmTilesFrom(const GemmStrip& s, size_t first_row, size_t rows, size_t count, size_t before, size_t all) {
  const StripRow first(s, first_row);
  GemmTiles tiles{first.number * s.a_run_stride + first.row * s.a_stride,
                  count,
                  s.bias,
                  0,
                  first.in(s.c, s.c_stride, s.c_run_stride),
                  s.c_stride};
  if (s.bias == nullptr) {
    tiles.init = tiles.c;
    tiles.init_stride = s.c_stride;
  }
  if (s.run != 0) {
    tiles.left = first.left;
    tiles.run = s.run;
    tiles.a_gap = Gap(s, s.a_stride, s.a_run_stride);
    tiles.c_gap = Gap(s, s.c_stride, s.c_run_stride);
    if (s.bias == nullptr) tiles.init_gap = tiles.c_gap;
  }
  if (kGemmAsks && s.next_lines != 0) AskEvenly(s, before, count, all, &tiles);
  GemmTilesOfRows<kGemmRows[NV - 1], NV>(s, rows, tiles);
}

// Splits rows into as few tiles as possible, of sizes that differ by one at most (16 = 6 + 5 + 5 rather than 6 + 6 + 4): the rows
// of a strip, or, where tiles cannot reach from one run into the next, those of each run.
template <size_t NV>
void GemmColumns(const GemmStrip& s) {
  constexpr size_t MR = kGemmRows[NV - 1];
  const bool by_runs = s.run != 0 && Gap(s, s.a_stride, s.a_run_stride) != 0;
  const bool awkward = s.residual != nullptr || !IsClamp(s.epilogue.kind) || (!kMaskedTails && s.columns != NV * kLanes) ||
                       (s.bias == nullptr && s.run != 0 && !by_runs);
  const size_t part = by_runs ? s.run : s.rows;
  const size_t count = (part + MR - 1) / MR;
  if (count == 0) return;
  const size_t rows = (part + count - 1) / count;
  const size_t smaller = rows * count - part;  // tiles with one row less
  const size_t split = rows * (count - smaller);
  if (!awkward && smaller == 0) return GemmTilesFrom<NV>(s, 0, rows, s.rows / rows, 0, s.rows / rows);
  for (size_t first = 0; first < s.rows; first += part) {
    if (awkward) {
      for (size_t m = 0; m < split; m += rows) AwkwardTile<NV>(s, first + m, rows);
      for (size_t m = split; m < part; m += rows - 1) AwkwardTile<NV>(s, first + m, rows - 1);
    } else {
      GemmTilesFrom<NV>(s, first, rows, count - smaller, 0, count);
      GemmTilesFrom<NV>(s, first + split, rows - 1, smaller, count - smaller, count);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
