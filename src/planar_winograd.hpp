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
// Input rows are read where they lie. Pixels of NHWC are transposed some channels at a time and transformed at once, in L1. Where
// neighbouring tiles share many rows (n > 1.5 m), or the input has an activation, rows are first copied in the blocks that U has,
// in a ring of n rows that the tiles share. Rows beyond L2 are asked for while the products of the tile before are made.
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

// How the rows of the input become U.
enum class InputPath {
  planes,  // read where they lie
  pixels,  // transposed and transformed at once
  ring,    // copied in the blocks that U has, in a ring of n rows that neighbouring tiles share
};

// One thread's workspace, in floats, each part a multiple of 16 of them.
struct WorkspaceLayout {
  int64_t u;        // [z tap][point][block][channel][column]
  int64_t t;        // [row of T of a chunk][t_pitch]
  int64_t y;        // [phase and channel of a chunk][point][row_pitch]
  int64_t stage;    // ring: [z tap][row of the ring][block][channel][column]; pixels: transposed ones of a block
  int64_t rows;     // finished rows that are not made in place: [output of the tile][channel of a chunk][row_pitch]
  int64_t gather;   // residual rows of pixels: [output of the tile][row_pitch]
  int64_t columns;  // bias and slope of a channel, along x: 2 * row_pitch
  int64_t zeros;    // an input row (ring: a block of it) beside the image, or the products of a dead plane
  int64_t periods;  // one phase of x, where they are not interleaved in registers
  int64_t terms;    // of the overlap
  int64_t segments;
  int64_t floats() const { return u + t + y + stage + rows + gather + columns + zeros + periods + terms + segments; }
};

// Rows of the next tile that lie beyond L2 are asked for while products are made. Each product asks for a piece of them, a cache
// line every few channels (PlanarTile::fetch): as many lines in a row as it has channels would come no faster, and would keep its
// own loads waiting.
//
// A piece of pixels is a part of a row. Of planes it is a part of all m rows, which lie in order, in as many channels as a product
// has blocks; rows that are cut in strips are not asked for.
struct Asking {
  int64_t pieces = 0;  // of a plane of the input; 0: nothing is asked for
  int64_t groups = 1;  // of channels
  int64_t parts = 1;   // of the rows
  int64_t step = 0;    // floats from one channel of a sum to the next
  bool all = false;    // products ask; else not the first ones of a point, which have their columns come from L2
};

struct Plan {
  winograd::AxisDomain y;
  Chunks chunk;
  RowBlocks row_blocks;  // of the rows of T of a point
  InputPath input = InputPath::planes;
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
  bool far = false;  // the input lies beyond L2, most likely
  Asking asking;
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
// Which rows are asked for ahead, of the plan's shape.
void place_asking(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
// Transforms and packs the weights of a plan that is shaped otherwise. False: no memory.
bool pack_weights(const Layer& layer, const float* weights, Plan* plan);
// Names the variant: "F(4,5) along y".
void describe(const Plan& plan, char* text, size_t size);

}  // namespace tconv::planar_winograd
