// Planar where no two taps meet: kernel = stride on all axes (at most four along x).
//
// Every input pixel makes a tile of outputs of its own, so all taps of z and y read the same columns of the input. A line is one
// output row of one channel that a row of the input makes; its phases of x are rows of a matrix product,
//
//     line(co, tz, ty)[s_x * x + t_x] = f(bias[co] + sum over ci of  W[ci][(co, tz, ty, t_x)] * x_row(ci)[x])
//
// and lines are made a few at a time, as many as fill the registers, from whatever channels and taps come next.
//
// The input passes by in items: some columns of a row, or some rows where rows are short. An item is read where it lies, or copied
// to blocks (transposed, with NHWC) that stay in L1 or L2 while all lines are made from it. Finished columns go to the output from
// registers. Through scratch go those whose rows are cropped, wait for a residual or become pixels of NHWC, and all of
// those rows of the input that are so short that vectors run across several of them.
#pragma once

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "layer.hpp"

namespace tconv::planar {

// The layer's extents, with axes merged that together are one row of memory (k = s = 1).
struct TileShape {
  int64_t input[max_rank];
  int64_t stride[max_rank];
  int64_t pad[max_rank];
  int64_t output[max_rank];
  Pitch in, out, residual;
};

struct TilesPlan {
  int64_t taps = 1;   // of z and y
  int64_t lines = 0;  // of a channel group: output channels * taps
  int64_t blocks_of_channels = 1;
  int64_t chunks = 1;     // of lines that are made together
  Buffer<float> weights;  // [channel group][chunk][ci][line of the chunk][tap of x]
  Buffer<float> bias;     // [out_channels]
  Buffer<float> slopes;   // the same, for prelu

  // Of the current shape.
  TileShape shape;
  bool in_place = false;     // the input is read where it lies
  bool direct = false;       // all outputs are stored from registers
  bool across_rows = false;  // vectors run across the ends of rows
  bool fetches = false;      // the next item may be far, and is asked for
  // The kernel does it beside the products, which NCHW's few inputs for each tile allow:
  bool copies_meanwhile = false;   // it makes the first lines of an item from the input where it lies, and copies it
  bool fetches_meanwhile = false;  // it asks for the next item
  bool asks = false;               // where it reads the input where it lies, it asks for the columns of the next tile
  int64_t rows = 1;                // of an item
  int64_t columns = 0;             // of an item's row
  int64_t blocks = 0;              // of an item's copy
  int64_t block_pitch = 0;         // floats between them
  int64_t line_pitch = 0;          // floats of a line in scratch; 0: no scratch
};

// Lines that are made together: [begin, end) in the order of packing. Where there are channels enough, those of a chunk belong to
// one tap, and the next chunk has the same channels and the next tap: rows beside each other in one page are written one after
// the other, not both at once (hardware prefetchers follow one stream of a page), and pages are left late.
struct LineChunk {
  int64_t begin, end;
  int64_t channel;  // of the first line, within the group
  int64_t tap;      // of z and y together
};
LineChunk line_chunk(const Layer& layer, const TilesPlan& plan, int64_t chunk);
struct TileLine {
  int64_t channel;  // within the group
  int64_t tap[2];   // of z and y
};
void list_lines(const Layer& layer, const LineChunk& chunk, TileLine* line);

bool taps_tile_all_axes(const Layer& layer);
// Do columns of all channels, read where they lie (NCHW), fall into so few sets of L1 that they hardly fit there?
bool planes_share_sets(const Layer& layer, const Options& options);
double estimate_tiles(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
bool create_tiles(const Layer& layer, const arch::KernelTable& kernels, const float* weights, const float* bias, TilesPlan* plan);
void reshape_tiles(const Layer& layer, const arch::KernelTable& kernels, const Options& options, TilesPlan* plan);
size_t tiles_workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const TilesPlan& plan);
void run_tiles(const Layer& layer, const arch::KernelTable& kernels, const TilesPlan& plan, const RunArguments& arguments);

}  // namespace tconv::planar
