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

// One tile with an epilogue that is not a clamp, with a residual that has gaps where A has none, or, on targets without masks, with
// a last vector that is not whole.
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

// Bytes to ask for in each round of steps of a tile, so that it asks for `bytes`.
template <size_t NV>
HWY_INLINE size_t AskStep(const GemmStrip& s, size_t bytes) {
  size_t rounds = 0;
  for (size_t i = 0; i < s.segments; ++i) {
    rounds += s.segment[i].k / kGemmStepsPerLongRound<NV> * (kGemmStepsPerLongRound<NV> / kGemmStepsPerRound);
  }
  return rounds == 0 ? 0 : (bytes + rounds - 1) / rounds;
}

// Tiles of one height in a strip, one below the other from row `start` on: all rows that follow, or `of_run` tiles from that row
// of each run on.
struct StripTiles {
  size_t start;
  size_t rows;
  size_t of_run;  // 0: as many as follow
};

// `count` of them, from the tile of that number on.
HWY_INLINE GemmTiles TilesFrom(const GemmStrip& s, const StripTiles& t, size_t number, size_t count) {
  size_t row = t.start + number * t.rows;
  if (t.of_run != 0 && number >= t.of_run) row = t.start + number / t.of_run * s.run + number % t.of_run * t.rows;
  const StripRow first(s, row);
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
  if (s.residual != nullptr) {
    tiles.init = first.in(s.residual, s.residual_stride, s.residual_run_stride);
    tiles.init_stride = s.residual_stride;
    tiles.bias = s.bias;
  }
  if (s.run != 0) {
    // Here the rows of a run that other tiles do are left out, too.
    tiles.run = t.of_run != 0 ? t.of_run * t.rows : s.run;
    tiles.left = t.of_run != 0 ? tiles.run - number % t.of_run * t.rows : first.left;
    const auto gap = [&](ptrdiff_t stride, ptrdiff_t run_stride) {
      return run_stride - static_cast<ptrdiff_t>(tiles.run) * stride;
    };
    tiles.a_gap = gap(s.a_stride, s.a_run_stride);
    tiles.c_gap = gap(s.c_stride, s.c_run_stride);
    if (s.residual != nullptr) {
      tiles.init_gap = gap(s.residual_stride, s.residual_run_stride);
    } else if (s.bias == nullptr) {
      tiles.init_gap = tiles.c_gap;
    }
  }
  tiles.ask = reinterpret_cast<const char*>(s.b);
  return tiles;
}

// `count` tiles with every panel, some tiles at a time.
template <size_t NV>
void TilesOfPanels(const GemmStrip& s, const StripTiles& all, size_t count) {
  constexpr size_t kWidth = NV * kLanes;
  const size_t block = HWY_MAX(s.block_rows / all.rows, 2);
  const size_t tile_bytes = all.rows * static_cast<size_t>(s.a_stride) * sizeof(float);
  const size_t panel_bytes = tile_bytes / (s.more_panels + 1);
  const size_t ask_step = kGemmAsks && s.new_rows ? AskStep<NV>(s, panel_bytes) : 0;
  GemmStrip panel = s;
  for (size_t tile = 0; tile < count; tile += block) {
    GemmTiles tiles = TilesFrom(s, all, tile, HWY_MIN(block, count - tile));
    // Each panel asks for its part of the rows of the next tiles.
    if (ask_step != 0) {
      tiles.ask = reinterpret_cast<const char*>(s.segment[0].a + tiles.a_offset) + tiles.count * tile_bytes;
      tiles.ask_step = ask_step;
    }
    panel.b = s.b;
    panel.columns = kWidth;
    for (size_t more = s.more_panels;; --more) {
      if (more == 0) panel.columns = s.columns;
      GemmTilesOfRows<kGemmRows[NV - 1], NV>(panel, all.rows, tiles);
      if (more == 0) break;
      panel.b += s.b_panel;
      tiles.c += kWidth;
      tiles.init += kWidth;
      if (tiles.bias != nullptr) tiles.bias += kWidth;
      if (ask_step != 0) tiles.ask += tiles.count * panel_bytes;
    }
  }
}

// What the tiles of one panel ask for: each `bytes`, `step` of them in a round of steps, of the rows of the next tile or from
// `from` on.
struct StripAsks {
  bool rows = false;
  const char* from = nullptr;
  size_t bytes = 0;
  size_t step = 0;
};

// `count` tiles with one panel; `before` of the strip's tiles came before these.
template <size_t NV, Asks kAsks>
HWY_INLINE void TilesOfPanel(const GemmStrip& s, const StripTiles& all, size_t count, size_t before, const StripAsks& asks) {
  GemmTiles tiles = TilesFrom(s, all, 0, count);
  const char* const from = asks.rows ? reinterpret_cast<const char*>(s.segment[0].a + tiles.a_offset) : asks.from;
  tiles.ask = from + (asks.rows ? 1 : before) * asks.bytes;
  tiles.ask_step = asks.step;
  GemmTilesOfRows<kGemmRows[NV - 1], NV, kAsks>(s, all.rows, tiles);
}

template <size_t NV>
void GemmColumns(const GemmStrip& s);

// Panels of a strip one by one.
template <size_t NV>
void EachPanel(const GemmStrip& s) {
  constexpr size_t kWidth = NV * kLanes;
  GemmStrip panel = s;
  panel.more_panels = 0;
  for (size_t more = s.more_panels;; --more) {
    panel.columns = more != 0 ? kWidth : s.columns;
    GemmColumns<NV>(panel);
    if (more == 0) return;
    panel.b += s.b_panel;
    panel.c += kWidth;
    panel.bias += kWidth;
    if (panel.residual != nullptr) panel.residual += kWidth;
    if (panel.slopes != nullptr) panel.slopes += kWidth;
  }
}

// Splits rows into as few tiles as possible, of sizes that differ by one at most (16 = 6 + 5 + 5 rather than 6 + 6 + 4): the rows
// of a strip, or, where tiles cannot reach from one run into the next, those of each run.
template <size_t NV>
void GemmColumns(const GemmStrip& s) {
  constexpr size_t MR = kGemmRows[NV - 1];
  const bool by_runs = s.run != 0 && Gap(s, s.a_stride, s.a_run_stride) != 0;
  // A tile that reaches into the next run reads what its sums begin with in one go.
  const bool broken = s.run != 0 && !by_runs &&
                      (s.bias == nullptr || (s.residual != nullptr && Gap(s, s.residual_stride, s.residual_run_stride) != 0));
  const bool awkward = broken || !IsClamp(s.epilogue.kind) || (!kMaskedTails && s.columns != NV * kLanes);
  const size_t part = by_runs ? s.run : s.rows;
  const size_t count = (part + MR - 1) / MR;
  if (count == 0) return;
  if (awkward && s.more_panels != 0) return EachPanel<NV>(s);
  const size_t rows = (part + count - 1) / count;
  const size_t smaller = rows * count - part;  // tiles with one row less
  const size_t split = rows * (count - smaller);
  if (awkward) {
    for (size_t first = 0; first < s.rows; first += part) {
      for (size_t m = 0; m < split; m += rows) AwkwardTile<NV>(s, first + m, rows);
      for (size_t m = split; m < part; m += rows - 1) AwkwardTile<NV>(s, first + m, rows - 1);
    }
    return;
  }
  // Tiles of one height are one call, whatever run they are of.
  const size_t runs = by_runs ? s.rows / s.run : 1;
  const size_t tiles = count * runs;
  StripAsks asks{false, reinterpret_cast<const char*>(s.b), 0, 0};
  if (kGemmAsks && s.more_panels == 0 && s.segments != 0) {
    if (s.next_lines != 0) {
      asks.from = reinterpret_cast<const char*>(s.next);
      asks.bytes = s.next_lines * kLineBytes / tiles;
    } else if (s.new_rows) {
      asks.rows = true;
      asks.bytes = rows * static_cast<size_t>(s.a_stride) * sizeof(float);
    }
    if (asks.bytes != 0) asks.step = AskStep<NV>(s, asks.bytes);
  }
  const auto tiles_of = [&](size_t start, size_t height, size_t of_run, size_t before) {
    const StripTiles all{start, height, by_runs ? of_run : 0};
    if (s.more_panels != 0) {
      TilesOfPanels<NV>(s, all, of_run * runs);
    } else if (kGemmAsks && s.next_lines != 0 && !s.new_rows) {
      TilesOfPanel<NV, kGemmAsks ? Asks::far : Asks::near>(s, all, of_run * runs, before, asks);
    } else {
      TilesOfPanel<NV, Asks::near>(s, all, of_run * runs, before, asks);
    }
  };
  tiles_of(0, rows, count - smaller, 0);
  if (smaller != 0) tiles_of(split, rows - 1, smaller, (count - smaller) * runs);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
