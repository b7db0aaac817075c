// Parameters of the kernels whose vectors run along x.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/parameters/epilogue.hpp"

namespace tconv::arch {

// planar_rows: T[row][x] = sum over segments, channels of  W[channel][row] * X_segment[channel][x] for a block of rows, x in [0,
// count). Vectors run along x. X is scratch in blocks of planar_vectors * lanes columns, [block][channel][column], 64-byte aligned,
// or lies where block_stride is a block: one of the two strides, of channels or of blocks, is planar_vectors * lanes.
// T is scratch with room for count rounded up to whole vectors.
struct PlanarSegment {
  const float* x;  // block 0, channel 0
  const float* w;  // packed [channel][rows]
};
struct PlanarTile {
  const PlanarSegment* segment;
  size_t segments;  // 0: T = 0
  size_t channels;
  ptrdiff_t channel_stride;  // between channels of X
  ptrdiff_t block_stride;    // between blocks of X
  float* t;
  ptrdiff_t t_stride;  // between rows of T
  size_t count;        // along x
  // Asked for meanwhile, a cache line for each channel and block: fetch + channel * fetch_channel + block * fetch_block. May be
  // nullptr.
  const float* fetch;
  ptrdiff_t fetch_channel;
  ptrdiff_t fetch_block;
};
using PlanarFunction = void (*)(const PlanarTile& tile);

// One row of numbers, with one bias and slope for all of them.
struct RowEpilogue {
  float bias;
  float slope;  // prelu
  Epilogue epilogue;
};

// overlap_rows: y[phases * q + r] = f(bias + sum over the terms of phase r of  weight * x[q]) for q in [0, count), the
// last `cut` outputs excepted. The terms' x is scratch, readable up to count rounded up to whole vectors; y is written exactly.
struct OverlapTerm {
  const float* x;
  float weight;
  ptrdiff_t first = 0;  // with OverlapRow::width: zeros before this q
};
struct OverlapRow {
  const OverlapTerm* term;  // those of phase 0, then those of phase 1, ...
  const size_t* terms;      // how many each phase has
  size_t phases;            // 1 .. max_overlap_phases
  size_t count;
  float* y;
  RowEpilogue epilogue;
  size_t rows;
  ptrdiff_t x_stride;  // of every term, between rows
  ptrdiff_t y_stride;
  size_t cut = 0;    // outputs of the last q that are not stored, fewer than `phases`
  size_t width = 0;  // if not 0: x[q] of a term counts for q in [first, first + width) only, and is 0 elsewhere, whatever it is
};

// planar_sums: y_line[phases * q + r] = f(bias[line] + sum over the terms of phase r of  w[line] * x[q]) for rows of q in [0,
// count), the last `cut` outputs excepted. Terms that all phases share have the weights of phase 0, then those of phase 1, ... x is
// scratch, readable up to count rounded up to whole vectors; y is written exactly.
struct PlanarSumTerm {
  const float* x;
  const float* w;
};
struct PlanarSums {
  static constexpr size_t max_sums = 4;  // phases * lines

  const PlanarSumTerm* term;  // shared ones, then those of phase 0 alone, ...
  size_t shared;
  size_t own[max_sums];
  size_t phases;
  size_t lines;
  size_t count;
  size_t cut;  // fewer than `phases`
  size_t rows;
  ptrdiff_t x_stride;  // of every term, between rows
  float* y;
  ptrdiff_t y_stride;
  ptrdiff_t y_line;   // between lines, unless
  bool pixels;        // an output of all lines is a pixel: y[(phases * q + r) * lines + line]
  const float* bias;  // [lines]
  Epilogue clamp;     // a clamp
};

// planar_periods: y_line[phases * x + r] = f(bias[line] + sum over segments, channels of  W[channel][line][r] *
// X_segment[channel][x]) for x in [0, count), r < phases: planar_rows and overlap_rows in one, where the kernel is as long as the
// stride. X as in planar_rows; y is written exactly.
struct PlanarPeriods {
  const PlanarSegment* segment;
  size_t segments;  // 0: y = f(bias)
  size_t channels;
  ptrdiff_t channel_stride;
  ptrdiff_t block_stride;
  bool asks;      // the columns of the next tile may lie beyond L1: they are asked for (a hint)
  size_t phases;  // 1 .. max_overlap_phases
  size_t lines;   // phases * lines <= planar_rows
  size_t count;
  float* const* line;  // [lines]: y_line
  // Runs of columns, such as image rows: y of a column of a run after the first lies line_run further than in the first; the call
  // begins at column `within` of a run, and `line` at that run's first column.
  size_t run;  // 0: all columns are one run, and the rest is not looked at
  size_t within;
  ptrdiff_t line_run;
  const float* bias;    // [lines]
  const float* slopes;  // [lines], for prelu
  Epilogue epilogue;
  // Where X is copied meanwhile, or nullptr: [block][channel][column], blocks copy_block apart. Only for whole blocks and
  // at least half of the lines that there may be.
  float* copy;
  ptrdiff_t copy_block;
  // Asked for meanwhile (a hint): for each block `fetches` pieces as long as a block, at fetch + block * fetch_block + i *
  // fetch_stride.
  const float* fetch;
  size_t fetches;
  ptrdiff_t fetch_block;
  ptrdiff_t fetch_stride;
};

}  // namespace tconv::arch
