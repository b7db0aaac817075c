// The contract between src/ (which knows no instruction set) and the kernels of each target.
//
// Kernel names: <operation>_<what its vectors run along>. All data is f32. Kernels allocate nothing, hold no state, schedule
// nothing, and read and write only what their parameter block names: loads past the end of a row are masked or go through the
// stack, so a buffer may end at the end of a page. Strides are in elements unless the name says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/activations/activations.hpp"
#include "tconv/targets.hpp"
#include "tconv/types.hpp"

namespace tconv::arch {

// What happens to a finished sum before it is stored: f(x) for the clamp-like activations, which cost one or two instructions.
// The others (ActivationTable) run over memory that was just written.
struct Epilogue {
  ActivationKind kind = ActivationKind::none;  // none, relu, clamp, leaky_relu, prelu, hard_swish
  float alpha = 0;
  float beta = 0;
};

// Activations that are a minimum and a maximum, done to sums in registers.
constexpr bool is_clamp(ActivationKind kind) {
  return kind == ActivationKind::none || kind == ActivationKind::relu || kind == ActivationKind::clamp;
}

constexpr bool is_clamp_like(ActivationKind kind) {
  return is_clamp(kind) || kind == ActivationKind::leaky_relu || kind == ActivationKind::prelu ||
         kind == ActivationKind::hard_swish;
}

// gemm_columns: C[rows x columns] = init + sum over segments of A_segment[rows x k] * B[b_row .. b_row + k][columns].
// A row of A is a contiguous run of floats read in place; B is a packed panel of `vectors * lanes` columns, 64-byte aligned.
struct GemmSegment {
  const float* a;  // row 0
  size_t k;        // length of the run
  size_t b_row;    // its first row in the panel
};
struct GemmStrip {
  const GemmSegment* segment;
  size_t segments;        // 0: C = init
  ptrdiff_t a_stride;     // between rows of A
  const float* b;         // panel
  float* c;               // row 0, column 0
  ptrdiff_t c_stride;     // between rows of C
  size_t rows;            // any number; the kernel splits them into register tiles, evenly
  size_t columns;         // of the last panel: (vectors - 1) * lanes < columns <= vectors * lanes
  const float* bias;      // panel-wide (padded): init = bias; nullptr: init = C (a later block of a long sum)
  const float* residual;  // added to the init, laid out like C with its own strides; or nullptr. Only with bias.
  ptrdiff_t residual_stride;
  // Runs of rows, such as image rows: run m of the strip begins run_strides after run m - 1. All runs are whole but, where
  // a_run_stride is run * a_stride, the first (`first_run` rows, the last ones of a run) and the last.
  size_t run;  // rows; 0: all rows are one run, and the rest is not looked at
  size_t first_run;
  ptrdiff_t a_run_stride;
  ptrdiff_t c_run_stride;
  ptrdiff_t residual_run_stride;
  const float* slopes;  // panel-wide, for prelu
  Epilogue epilogue;    // of the last block of a sum, else none
  // What the next strip reads from beyond L2, weights or rows of A, asked for evenly while this one is computed (a hint, of x86).
  const float* next;
  size_t next_lines;  // of 64 bytes; 0: nothing is asked for
  bool streams;       // C goes past the caches, on targets that can: whole panels, rows at multiples of 64 bytes
  // Panels to the right of the first, all but the last of them whole: b_panel further in B, vectors * lanes in all else. All panels
  // meet about block_rows rows before the next ones. More than none only with bias.
  size_t more_panels;
  ptrdiff_t b_panel;
  size_t block_rows;
  bool new_rows;  // rows of A are not in L1 yet: those to come are asked for meanwhile, or `next`, which is rows (a hint, of x86)
};
using GemmFunction = void (*)(const GemmStrip& strip);

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

// depthwise_channels: for rows whose taps of z and y are alike, o < columns, c < channels
//
//     y[row][o][c] = f(bias[c] + residual[row][o][c] + sum over row taps, j of  x_tap[row][n + shift - j * step][c] * w_tap[j][c])
//
// where o = phases * n + r, phase r has its own taps j and shift, and x outside [0, width) is left out. Weights, biases and slopes
// are packed in vectors of channels: the next vector of a weight lies weight_stride on, of a bias or slope a vector on, zeros after
// the last channel.
struct DepthwiseTap {
  const float* x;  // pixel 0 of the input row that tap (z, y) meets
  const float* w;  // its taps along x, a vector each
};
struct DepthwisePhase {
  size_t taps;      // 0: f(bias + residual)
  size_t first;     // its first tap of w
  ptrdiff_t shift;  // tap 0 of cell n reads x[n + shift]
};
struct DepthwiseRows {
  const DepthwiseTap* tap;
  size_t taps;  // 0: f(bias + residual)
  size_t rows;
  const DepthwisePhase* phase;
  size_t phases;
  bool pairs;        // stride 2 and neighbouring taps: the taps of two phases alternate
  size_t tap_step;   // between the taps of a phase, in w
  ptrdiff_t x_step;  // and in x
  size_t width;
  size_t columns;
  size_t channels;
  bool beyond_l2;      // the output does not stay in L2
  ptrdiff_t x_stride;  // between pixels
  ptrdiff_t x_row_stride;
  ptrdiff_t weight_stride;
  float* y;
  ptrdiff_t y_stride;
  ptrdiff_t y_row_stride;
  const float* bias;
  const float* residual;  // or nullptr
  ptrdiff_t residual_stride;
  ptrdiff_t residual_row_stride;
  const float* slopes;  // for prelu
  Epilogue epilogue;
};

// depthwise_planes: rows of one y-phase of a plane, for o < columns
//
//     y[row][o] = f(bias + residual[row][o] + sum over the taps of phase r of  x[row][n + tap.x] * w[tap.w])
//
// where o = phases * n + r. The taps of phase 1 follow those of phase 0, and so on. Of x, whole vectors of cells are read.
struct DepthwisePlaneTap {
  ptrdiff_t x;
  ptrdiff_t w;
};
struct DepthwisePlane {
  static constexpr size_t max_phases = 4;
  const DepthwisePlaneTap* tap;
  size_t taps[max_phases];
  size_t phases;  // 1, 2 or 4
  // Two phases of neighbouring taps (stride 2): how many a row of the kernel has, and the first of phase 0. 0: others.
  size_t pair_taps;
  size_t pair_first;
  bool beyond_l2;  // the output does not stay in L2
  size_t rows;
  size_t columns;
  const float* x;
  ptrdiff_t x_row_stride;
  const float* w;
  float bias;
  float slope;  // for prelu
  float* y;
  ptrdiff_t y_row_stride;
  const float* residual;  // or nullptr
  ptrdiff_t residual_row_stride;
  Epilogue epilogue;
};

// pixel_products: C[pair.output] += A[pair.input] * B for each pair. A row of A holds k floats, a row of C `vectors * lanes`; C and
// B are 64-byte aligned. No output is in two pairs.
struct PixelPair {
  uint32_t input;
  uint32_t output;
};
struct PixelProduct {
  const PixelPair* pair;
  size_t pairs;
  const float* a;
  ptrdiff_t a_stride;  // between inputs
  const float* b;      // packed [k][vectors * lanes]
  size_t k;
  float* c;
  const float* next;  // the next call's b, to be fetched into the cache meanwhile; or nullptr
};
using PixelFunction = void (*)(const PixelProduct& product);

// The transforms of Winograd's minimal filtering along one axis, in a domain of `points` points (arch/cook_toom.hpp), over rows of
// `count` contiguous floats (channels of a pixel, columns of a product, or a row of a plane).
constexpr int max_points = 8;
constexpr int max_point_outputs = max_points - 1;

// winograd_input: to[point][r][c] = sum over i < points of  input_transform[point][i] * from_i[r][c], for r < repeats, c < count.
struct WinogradInput {
  const float* from[max_points];
  ptrdiff_t from_stride[max_points];  // between repeats
  float* to;
  ptrdiff_t to_point;   // between points
  ptrdiff_t to_stride;  // between repeats
  size_t count;
  size_t repeats;
};

// winograd_output: to_t[r][c] = f(sum over points of  output_transform[t][point] * from[point][r][c] + bias[c] + residual_t[r][c])
// for t < outputs. The first point (0) and the last (infinity) have no place in `from` where they are dropped.
struct WinogradOutput {
  const float* from;     // first point that has a place
  ptrdiff_t from_point;  // between points
  ptrdiff_t from_stride;
  bool has_first;
  bool has_last;
  float* to[max_point_outputs];  // nullptr: this output is not stored
  ptrdiff_t to_stride;
  size_t count;
  size_t repeats;
  const float* bias;                         // [count]; nullptr: none of bias, residual and epilogue
  const float* residual[max_point_outputs];  // all nullptr: none. Where an output is stored, else nullptr.
  ptrdiff_t residual_stride;
  const float* slopes;  // [count], for prelu
  Epilogue epilogue;
  // With a bias and a clamp: whole vectors go past the caches, on targets that can; rows are at multiples of 64 bytes.
  bool streams;
};
// depthwise_spread: to[p * to_pixel + c] = from[p * pixel + index[c]] for p < pixels, c < channels; whole vectors of `to` are
// written.
struct DepthwiseSpread {
  const float* from;
  ptrdiff_t pixel;  // between pixels
  size_t pixels;
  size_t from_channels;  // of a pixel, that may be read
  const int32_t* index;  // ascending
  size_t channels;
  float* to;
  ptrdiff_t to_pixel;
};

// winograd_pixels: to[point][(b * channels + c) * block + x] = sum over i < points of  input_transform[point][i] *
// from_i[(b * block + x) * pixel + c] for blocks of planar_vectors * lanes pixels; zeros after `pixels`, to the end of a block.
struct WinogradPixels {
  static constexpr size_t channels_at_once = 16;
  const float* from[max_points];  // nullptr: zeros
  ptrdiff_t pixel;                // between pixels
  size_t pixels;
  size_t channels;
  float* to;
  ptrdiff_t to_point;  // between points
  float* scratch;      // points * channels_at_once blocks
  bool asks;           // the pixels may lie beyond L2: those to come are asked for (a hint)
};
using WinogradInputFunction = void (*)(const WinogradInput& rows);
using WinogradPixelFunction = void (*)(const WinogradPixels& rows);
using WinogradOutputFunction = void (*)(const WinogradOutput& rows);

// Products of Strassen's algorithm in Winograd's form (src/strassen.hpp).
constexpr int strassen_products = 7;

// strassen_input: the left factors of all products, from a row of the upper half and one of the lower: to[product][i], i < half.
struct StrassenInput {
  const float* upper;  // A11, then A12
  const float* lower;  // A21, then A22
  size_t half;
  float* to;
  ptrdiff_t to_factor;  // between products
  bool copies;          // else those that are no sums, A11, A12 and A22, are left out: they are read where they lie
};

// strassen_output: C = f(bias + sum + product + residual), rows of one panel.
struct StrassenOutput {
  const float* sum;  // a row of `width` floats after the other, 64-byte aligned
  const float* product;
  float* also;   // or nullptr: another sum, to which the product is added
  size_t width;  // of a panel, whole vectors
  size_t rows;
  float* c;
  const ptrdiff_t* row;   // where each row lies in C
  size_t columns;         // of them, as in GemmStrip
  const float* bias;      // panel-wide (padded)
  const float* residual;  // or nullptr
  const ptrdiff_t* residual_row;
  const float* slopes;  // panel-wide, for prelu
  Epilogue epilogue;
  bool streams;  // as in GemmStrip
};

struct KernelTable {
  static constexpr int max_vectors = 4;  // widest panel
  static constexpr int max_planar_rows = 16;
  static constexpr int max_overlap_phases = 4;

  Target target;
  size_t lanes;  // floats per vector

  // Panels of (index + 1) vectors; nullptr where the target has no such kernel. gemm_tile_rows: rows of the largest register tile.
  GemmFunction gemm[max_vectors];
  size_t gemm_tile_rows[max_vectors];
  bool gemm_asks;  // do they look at GemmStrip::next?

  // Panels of (index + 1) vectors, of the same widths as gemm's.
  PixelFunction pixels[max_vectors];
  size_t pixel_tile_rows[max_vectors];

  // Blocks of (index + 1) rows; nullptr beyond planar_rows.
  PlanarFunction planar[max_planar_rows];
  size_t planar_rows;
  size_t planar_vectors;
  size_t planar_half_rows;  // rows whose tiles are a block and a half, or 0

  void (*depthwise)(const DepthwiseRows& rows);
  void (*depthwise_planes)(const DepthwisePlane& rows);
  void (*depthwise_spread)(const DepthwiseSpread& pixels);
  // to[r * to_stride + i] = from[r * from_stride + i] for i in [0, columns), then zeros to the end of a vector; rows in ascending
  // order.
  void (*depthwise_copy)(const float* from, ptrdiff_t from_stride, size_t rows, size_t columns, float* to, ptrdiff_t to_stride);

  void (*overlap)(const OverlapRow& row);
  void (*periods)(const PlanarPeriods& periods);
  void (*sums)(const PlanarSums& sums);

  // [points] and [points][outputs]; nullptr where there is no such domain (points < 3, outputs >= points).
  WinogradInputFunction winograd_input[max_points + 1];
  WinogradPixelFunction winograd_pixels[max_points + 1];
  WinogradOutputFunction winograd_output[max_points + 1][max_points];

  void (*strassen_input)(const StrassenInput& row);
  void (*strassen_output)(const StrassenOutput& rows);

  // to[b * block_stride + i] = from[b * block + i] for blocks of planar_vectors * lanes numbers; zeros after `count`, to the end of
  // a block.
  void (*copy_blocks)(const float* from, size_t count, float* to, ptrdiff_t block_stride);
  // to[(b * channels + c) * block + i] = from[(b * block + i) * pixel + c] for blocks of planar_vectors * lanes pixels; zeros after
  // `pixels`, to the end of a block.
  void (*pixel_blocks)(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to);
  // The same, blocks block_stride and channels channel_stride apart.
  void (*pixel_planes)(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to, ptrdiff_t block_stride,
                       ptrdiff_t channel_stride);
  // to[r * to_stride + left + i] = from[r * from_stride + i] for i in [0, count), zeros in the rest of [r * to_stride, (r + 1) *
  // to_stride). May write zeros up to a vector beyond the last row.
  void (*pad_rows)(const float* from, ptrdiff_t from_stride, size_t rows, size_t count, size_t left, float* to, size_t to_stride);
  // to[c * to_stride + r] = from[r * from_stride + c] for r in [0, rows), c in [0, columns).
  void (*transpose)(const float* from, ptrdiff_t from_stride, size_t rows, size_t columns, float* to, ptrdiff_t to_stride);
  // x[i] = f(x[i] + bias)
  void (*row_epilogue)(float* x, size_t n, const RowEpilogue& e);
  // y[i] = f(x[i] + bias + residual[i]); y may be residual.
  void (*row_residual)(const float* x, const float* residual, float* y, size_t n, const RowEpilogue& e);
  ActivationTable activations;
};

// Is the target compiled into this library?
bool kernel_table_compiled(Target target);
// False when it is not.
bool kernel_table(Target target, KernelTable* table);

}  // namespace tconv::arch
