// Planar: NCHW output rows as packed rows of (x-phase, output channel) times vectors along x.
//
// Input rows are copied, a strip of x at a time, into scratch with zeros beside the image: that removes the borders, applies the
// input activation, and keeps channels from aliasing in the cache. For each strip a block of rows is multiplied into T[row][q], one
// row per (x-phase, output channel), and the x-phases of a channel are interleaved into the output:
//
//     T[(r, co)][q] = sum over (jz, jy, jx), ci of  W[(jz, jy, jx, ci)][(r, co)] * x_row(jz, jy, ci)[q - b - jx * e]
//     y[co][s * q + r - p] = f(T[(r, co)][q] + bias[co] + residual)
#pragma once

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "layer.hpp"

namespace tconv::planar {

struct Plan {
  Buffer<PhaseGroup> groups;    // of live x-phases
  Buffer<int64_t> weights_at;   // [z phase][y phase][x group]: offset in a channel group's weights
  int64_t group_weights = 0;    // floats per channel group
  int64_t chunks = 1;           // output channels of a channel group are done in this many chunks of nearly the same size
  Buffer<float> weights;        // [channel group][z phase][y phase][x group][chunk][row block][jz][jy][jx][ci][row of block]
  Buffer<float> bias;           // [out_channels]
  Buffer<float> slopes;         // [out_channels], for prelu
  bool slot_per_phase = false;  // T has a row for each phase (few of them), else for each live one
  int64_t slots = 1;            // rows of T per output channel

  // Of the current shape.
  int64_t strip = 0;         // q of one strip, a multiple of the kernel's vectors
  int64_t window_first = 0;  // pixels before a strip's first q that its windows reach back
  int64_t row_pitch = 0;     // floats of one copied channel row
  int64_t rows_per_task = 1;
  int64_t copied_rows = 0;
  int64_t segments = 0;
};

bool supports(const Layer& layer);
double estimate(const Layer& layer, const arch::KernelTable& kernels, const CacheSizes& cache);
Status create(const Layer& layer, const arch::KernelTable& kernels, const CacheSizes& cache, const float* weights,
              const float* bias, Plan* plan);
Status reshape(const Layer& layer, const arch::KernelTable& kernels, const CacheSizes& cache, Plan* plan);
size_t workspace_bytes(const Layer& layer, const Plan& plan);  // per thread
size_t packed_bytes(const Plan& plan);
void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

// Output channels [begin, end) of a chunk.
struct Chunk {
  int64_t begin, end;
};
inline Chunk chunk_of(const Layer& layer, const Plan& plan, int64_t index) {
  return {layer.out_per_group * index / plan.chunks, layer.out_per_group * (index + 1) / plan.chunks};
}
// Rows [begin, end) of block `index` when `rows` rows are split into blocks of at most `largest`, evenly.
inline int64_t row_blocks(int64_t rows, int64_t largest) { return (rows + largest - 1) / largest; }
inline Chunk row_block_of(int64_t rows, int64_t blocks, int64_t index) {
  return {rows * index / blocks, rows * (index + 1) / blocks};
}

}  // namespace tconv::planar
