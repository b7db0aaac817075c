// Window GEMM: every output row as a matrix product of input rows read in place and packed columns.
//
// At one q all x-phases of a group read the same window x[q - b - (J - 1) e .. q - b], and with the taps in reverse order that
// window is one contiguous run of J * channels floats of an NHWC row. Row q of A is that run, for each (z, y) tap; the columns of B
// are (x-phase, output channel); and the columns of consecutive q are contiguous memory in the output. So C is the output row
// itself:
//
//     y[s * q + r - p][co] = sum over (jz, jy), k of  x_row(jz, jy)[(q - b - (J - 1) e) * channels + k] * B[(jz, jy, k)][(r, co)]
//
// Nothing is packed or inserted but, at the borders of a row, a copy of a few input pixels with zeros beside them.
//
// NCHW: the rows a task needs are transposed into copies first, and a chunk of output channels at a time is computed into NHWC
// scratch rows that are transposed into the output planes. The tensor as a whole is never copied.
#pragma once

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "layer.hpp"

namespace tconv::window_gemm {

// Columns of one x-phase group and one chunk of output channels: `columns` = phases * channels where the pixels of a group of
// phases are contiguous where they are stored, else the channels of a single phase. Dead groups (taps = 0) have the columns of one
// phase, used for each of their phases in turn.
struct ColumnBlock {
  PhaseGroup group;
  int64_t first_channel;  // within the channel group
  int64_t channels;
  int64_t columns;
  int64_t panels;
  int64_t vectors;         // per panel, all but the last
  int64_t last_vectors;    // of the last panel
  int64_t padded_columns;  // of all panels together
  int64_t bias_at;         // of panel 0 in `bias` and `slopes`, per group of channels
};

// Input columns copied beside zeros: those that the first or the last rows of A reach beyond the image for.
struct BorderCopy {
  int64_t first = 0;  // may be negative
  int64_t last = 0;   // one past; equal to first: no copy
  int64_t pixels() const { return last - first; }
};

struct Plan {
  Buffer<ColumnBlock> blocks;  // [chunk][x-phase group]
  int64_t chunks = 1;          // of output channels; NHWC has one
  int64_t chunk_blocks = 0;    // blocks of a chunk
  int64_t chunk_channels = 0;  // of the largest chunk
  Buffer<int64_t> weights_at;  // [z phase][y phase][block]: offset of panel 0 in a channel group's weights
  int64_t group_weights = 0;   // floats per channel group
  int64_t group_columns = 0;   // padded columns of all blocks together, per channel group
  bool merged = false;         // phases share panels: output pixels must be dense
  Buffer<float> weights;       // [channel group][z phase][y phase][block][panel][k][column]
  Buffer<float> bias;          // [channel group][block][panel][column]
  Buffer<float> slopes;        // the same, for prelu
  int64_t k_block = 0;         // longest part of a sum that is done in one go, so that its part of a panel stays near
  bool rows_outer = false;     // all panels for a few rows before the next rows: for weights that stay in cache

  // Of the current shape.
  bool copy_rows = false;       // whole input rows are copied (planar or activated input, channel slices, pitches that alias)
  bool clip_borders = false;    // taps beyond the image are left out row by row, instead of meeting zeros in copies
  int64_t copy_pitch = 0;       // floats between copied pixels
  BorderCopy left, right;       // right: unused with copy_rows
  bool far_weights = false;     // panel after panel comes from beyond L2
  bool streams = false;         // the output goes past the caches
  int64_t strip_rows = 1;       // rows q that all panels pass by before the next ones
  int64_t rows_per_task = 1;    // output rows of one y-phase
  int64_t copied_rows = 0;      // input rows that one task may copy
  int64_t scratch_columns = 0;  // of a row in which some phases have no output
  int64_t scratch_rows = 0;     // floats of dense NHWC rows of one chunk, when C cannot be the output itself
  int64_t segments = 0;         // most segments of one strip
};

// Are border taps better left out of an image of this size than done with zeros?
bool clips_columns(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);

bool supports(const Layer& layer, const Options& options);
// Estimated cycles of one run on one thread.
double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan);
Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);  // per thread
size_t packed_bytes(const Plan& plan);
void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

}  // namespace tconv::window_gemm
