// Planar with minimal filtering (Winograd) along y, for few output channels.
//
// For planar data a transform along y needs no shuffle: B^T combines whole input rows. Tiles, domains and shifts of the y-phases
// are those of winograd.hpp: m outputs g, g + e, ... of every phase of y lie in one window of n input rows. For a strip of x:
//
//     U[point][ci][x]        = sum over i < n of  B^T[point][i] * x_row(i, ci)[x]
//     T[(phase, co, t)][x]   = sum over (jz, ci) of  W[point][(jz, ci)][(phase, co, t)] * U[point][(jz, ci)][x]    (t: taps of x)
//     Y[(phase, co)][point]  = rows of T added where their taps reach, the x-phases interleaved (as in planar.hpp)
//     y_i[(phase, co)]       = f(bias + sum over points of  A^T[i][point] * Y[(phase, co)][point] + residual)
//
// The overlapping rows are added before A^T, which acts on s_x rows of every phase and channel then, not on one of every tap. A
// phase that is padded by an outer zero tap makes no products at that point.
//
// Input rows are read where they lie; those of NHWC, and those with an input activation, are first copied in the blocks that U has,
// in a ring of n rows that neighbouring tiles share.
#pragma once

#include <algorithm>

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "layer.hpp"
#include "planar.hpp"
#include "row_blocks.hpp"
#include "winograd.hpp"

namespace tconv::planar_winograd {

// A tile of the domain and how the channels are cut; depends on nothing that reshape() can change.
struct Variant {
  WinogradOptions::Grid grid = WinogradOptions::Grid::inputs;
  int64_t taps = 0;  // R
  int64_t outputs = 0;
  int64_t points() const { return outputs + taps - 1; }
};

// Rows of T that are made together: those of some phases and channels.
struct Chunks {
  int64_t phases = 1;    // of a chunk
  int64_t channels = 1;  // of a chunk
};

// One thread's workspace, in floats, each part a multiple of 16 of them.
struct WorkspaceLayout {
  int64_t u;        // [z tap][point][block][channel][column]
  int64_t t;        // [row of T of a chunk][t_pitch]
  int64_t y;        // [phase and channel of a chunk][point][row_pitch]
  int64_t stage;    // [z tap][row of the ring][block][channel][column]
  int64_t rows;     // finished rows that are not made in place: [output of the tile][channel of a chunk][row_pitch]
  int64_t gather;   // residual rows of pixels: [output of the tile][row_pitch]
  int64_t columns;  // bias and slope of a channel, along x: 2 * row_pitch
  int64_t zeros;    // an input row (staged: a block of it) beside the image, or the products of a dead plane
  int64_t periods;  // one phase of x, where they are not interleaved in registers
  int64_t terms;    // of the overlap
  int64_t segments;
  int64_t floats() const { return u + t + y + stage + rows + gather + columns + zeros + periods + terms + segments; }
};

struct Plan {
  winograd::AxisDomain y;
  Chunks chunk;
  RowBlocks row_blocks;          // of the rows of T of a point
  bool staged = false;           // input rows are copied
  Buffer<int64_t> z_weights_at;  // [z phase], in floats
  int64_t group_weights = 0;     // floats per channel group
  Buffer<float> weights;         // [channel group][z phase][chunk][point][block of rows][jz][ci][row of block]
  Buffer<float> bias;            // [out_channels]
  Buffer<float> slopes;          // [out_channels], for prelu

  // Of the current shape.
  Buffer<planar::XTap> x_taps;  // [kernel of x]
  int64_t largest_shift = 0;    // the windows of a strip begin this much before its first q
  int64_t reach = 0;            // largest shift - smallest shift
  int64_t strip = 0;            // q of one strip
  int64_t x_blocks = 0;         // blocks of a transformed row
  int64_t point_pitch = 0;      // floats between points of U, and rows of the ring
  int64_t t_pitch = 0;
  int64_t row_pitch = 0;
  WorkspaceLayout workspace{};
};

bool supports(const Layer& layer, const Options& options);
// Estimated cycles of one run on one thread, of the best variant.
double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan);
Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);  // per thread
size_t packed_bytes(const Plan& plan);
void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);
// How many of the phases [first, last) of y have products at a point.
int64_t active_phases(const Plan& plan, int64_t first, int64_t last, int64_t point);
// Transforms and packs the weights of a plan that is shaped otherwise. False: no memory.
bool pack_weights(const Layer& layer, const float* weights, Plan* plan);
// Names the variant: "F(4,5) along y".
void describe(const Plan& plan, char* text, size_t size);

}  // namespace tconv::planar_winograd
