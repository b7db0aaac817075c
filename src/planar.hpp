// Planar: output rows as sums of overlapping rows of products, vectors along x.
//
// For one output row every tap t of x and every output channel is a row of T, and the sum over the taps of z and y and the input
// channels is one matrix product over input rows as they lie, without a shift:
//
//     T[(co, t)][x] = sum over (jz, jy), ci of  W[(jz, jy, ci)][(co, t)] * x_row(jz, jy, ci)[x]
//
// Then each row of T is added where its tap reaches: with r_t = (d t - p) mod s and shift b_t = floor((d t - p) / s),
//
//     y[co][s * q + r] = f(bias[co] + sum over t with r_t = r of  T[(co, t)][q - b_t] + residual)
//
// (here the phases are counted from output 0, so that a row begins with a whole period of them).
// No product with a zero is made, whatever the kernel, and no phase is padded; the additions are one per K multiply-adds.
// With few channels rows of T cost more than they save: planar_sums.hpp says how all phases are summed in registers instead. One
// input channel a group and more than four phases: the rows that overlap are the input rows times the weight of the tap.
//
// Input rows are copied, a strip of x at a time, into a ring of rows that all phases of a period share: that applies the input
// activation, turns NHWC into planes, and keeps channels from aliasing in the cache. Where inputs are read once or twice anyway
// they are read in place.
//
// Taps that do not overlap along x (kernel = stride, at most four) need no T: the rows of a channel are its phases, finished and
// interleaved in registers. Where that holds on all axes, planar_tiles.hpp says how all y- and z-phases are made together.
#pragma once

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "layer.hpp"
#include "planar_tiles.hpp"
#include "row_blocks.hpp"

namespace tconv::planar {

// Where a tap of x goes.
struct XTap {
  int64_t phase;  // (d * t - p) mod s
  int64_t shift;  // floor((d * t - p) / s)
};

// Several image rows as one row of the matrix product (planar_bands.hpp).
struct Bands {
  int64_t periods = 0;        // of output rows that are made together; 0: rows are made one by one
  int64_t margin = 0;         // columns of T before the first, which taps may meet and which do not count
  bool blocks = false;        // copies are blocks of columns, as those of single rows: all phases of a period meet one input row
  int64_t rows = 0;           // input rows that are kept, per tap of z
  int64_t channel_pitch = 0;  // floats from a channel to the next
  double row_cycles = 0;      // estimate for an output row of a chunk, beside the products
};

struct Plan {
  bool direct = false;  // one input channel a group: input rows overlap, without T
  bool summed = false;  // few channels: sums in registers, without T (planar_sums.hpp)
  bool tiled = false;   // kernel = stride on all axes: `tiles` is the plan, and nothing below is used
  TilesPlan tiles;
  Buffer<int64_t> weights_at;  // [z phase][y phase]: offset in a channel group's weights
  int64_t group_weights = 0;   // floats per channel group
  int64_t chunk_channels = 1;  // output channels whose rows of T are made together
  int64_t chunks = 1;
  RowBlocks row_blocks;   // of the rows of T of a chunk
  Buffer<float> weights;  // [channel group][z phase][y phase][chunk][row block][jz][jy][ci][row of block]; direct: as given
  Buffer<float> bias;     // [out_channels]
  Buffer<float> slopes;   // [out_channels], for prelu

  // Of the current shape.
  bool fused = false;         // phases are finished in registers, without T
  bool in_place = false;      // whole blocks of columns (fused: all columns) are read where they lie
  Buffer<XTap> x_taps;        // [kernel of x]
  int64_t largest_shift = 0;  // the windows of a strip begin this much before its first q
  int64_t reach = 0;          // largest shift - smallest shift: how much longer than the strip they are together
  Bands bands;
  int64_t strip = 0;        // q of one strip
  int64_t pass = 0;         // columns whose inputs stay in L1 while all rows of T pass by
  int64_t x_blocks = 0;     // blocks of a copied row
  int64_t t_pitch = 0;      // floats of a row of T (direct: of a copied row)
  int64_t first_input = 0;  // input_rows()
  int64_t last_input = 0;
  int64_t ahead = 1;              // rows copied at a time
  bool fetches = false;           // inputs may lie beyond L2
  int64_t ring = 0;               // copied rows that are kept, per tap of z
  int64_t periods_per_block = 1;  // direct: periods whose input rows are copied together
  int64_t copied_rows = 0;        // at a time, of all taps of z
  int64_t segments = 0;
  int64_t terms = 0;
  int64_t lines = 1;          // summed: output channels of a call
  int64_t lead = 0;           // summed: floats before the windows of a strip
  int64_t channel_pitch = 0;  // summed: floats of the copied rows of a channel
  int64_t rows_together = 1;  // summed
};

// The output rows of period i meet the input rows [first + i, last + i].
struct InputRows {
  int64_t first, last;
};
InputRows input_rows(const Layer& layer);

bool supports(const Layer& layer, const Options& options);
double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan);
Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);  // per thread
size_t packed_bytes(const Plan& plan);
void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

// What estimate(), workspace_bytes() and run() do where plan.direct.
double estimate_direct(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
size_t direct_workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);
void run_direct(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

}  // namespace tconv::planar
