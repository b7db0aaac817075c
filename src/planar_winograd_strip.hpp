// What the steps of planar Winograd share: a thread's workspace, and the strip of a task's tiles that it works on.
#pragma once

#include "checked.hpp"
#include "outer_taps.hpp"
#include "planar_winograd.hpp"
#include "planar_winograd_tasks.hpp"

namespace tconv::planar_winograd {

// Phases of y and output channels whose rows of T are made together.
struct Chunk {
  int64_t first_phase, last_phase;
  int64_t first_channel, channels;
};

struct Strip {
  Strip(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot);

  void take(const TileTask& next);
  // The strip that begins at q, of the task.
  void move_to(int64_t q, int64_t q_end);
  void move_to_tile(int64_t tile) { first_g = plan.y.begin + task.residue + plan.y.step * plan.y.outputs * tile; }

  int64_t columns() const { return x_end - x_begin; }
  // Input row i of the tile at hand; may lie beside the image.
  int64_t input_row(int64_t i) const { return first_g + plan.y.lowest + plan.y.step * i; }
  bool inside(int a, int64_t i) const { return i >= 0 && i < layer.axis(a).input; }
  // The first number of an input row that the strip reads.
  const float* input_at(int64_t jz, int64_t iy) const {
    const Pitch& pitch = layer.geometry.input_pitch;
    return input + z.input(jz) * pitch.plane + iy * pitch.row + x_begin * pitch.pixel;
  }
  // Y of a phase of y and a channel of the chunk, at the phase's first point.
  float* row_of(const Chunk& chunk, int64_t phase, int64_t c) const {
    return y + ((phase - chunk.first_phase) * chunk.channels + c) * plan.y.points * plan.row_pitch;
  }

  const Layer& layer;
  const arch::KernelTable& kernels;
  const Plan& plan;
  const RunArguments& arguments;
  const int64_t block;
  const bool in_place;  // finished rows

  float *u, *t, *y, *stage, *rows, *gather, *bias, *slopes, *zeros, *periods;
  arch::OverlapTerm* term;
  arch::PlanarSegment* segment;

  TileTask task{};
  OuterTaps z;
  const float* input = nullptr;
  float* output = nullptr;
  const float* residual = nullptr;
  // q in [q, q + count), outputs [begin, end), inputs [x_begin, x_end); T begins at input `window`.
  int64_t q = 0;
  int64_t count = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t window = 0;
  int64_t x_begin = 0;
  int64_t x_end = 0;
  bool live = false;             // some input reaches some output
  int64_t columns_channel = -1;  // whose bias and slope are there
  int64_t first_g = 0;           // of the tile
};

// Zeros what the strip's transformed rows and products do not write but its kernels read.
void clear_margins(const Strip& strip);
// U of tile `tile`. `follows`: the tile before has copied the rows that it shares with this one.
void transform_inputs(const Strip& strip, int64_t tile, bool follows);
// Has a product ask for piece `piece` of the rows that the tile after this one adds.
void ask_for_rows(const Strip& strip, int64_t piece, arch::PlanarTile* product);

// The rows of T of one phase of y, for all channels of the chunk, added where their taps reach.
void overlap(const Strip& strip, const Chunk& chunk, const float* t, float* y);
// The outputs of the tile in one phase of y.
void finish_phase(Strip& strip, const Chunk& chunk, int64_t phase);

}  // namespace tconv::planar_winograd
