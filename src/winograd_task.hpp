// What the steps of one block of Winograd tiles share: transform the input, multiply, transform and store the outputs.
#pragma once

#include <algorithm>

#include "checked.hpp"
#include "outer_taps.hpp"
#include "winograd.hpp"
#include "winograd_workspace.hpp"

namespace tconv::winograd {

// Some lines of tiles, a strip of their columns, and a part of the panels, of one output plane and channel group.
struct Block {
  int64_t group, plane;
  int64_t first_line, lines;
  int64_t first_column, columns;
  size_t first_panel, last_panel;
  int64_t tiles() const { return lines * columns; }
};

// Where a line of tiles lies.
struct Line {
  int64_t image;
  int64_t y;  // g of its first row
  int64_t x;  // g of the first column of the strip
};

// Outputs [first, last) of a tile that a phase, or what else has cells [begin, end), has, when the tile's outputs are at g, g + e,
// ...
struct Range {
  int64_t first, last;
  bool empty() const { return first >= last; }
};
template <typename Cells>
Range outputs_of(const AxisDomain& domain, const Cells& cells, int64_t g) {
  const auto steps = [&](int64_t distance) { return domain.step == 1 ? distance : ceil_div(distance, domain.step); };
  const int64_t first = std::clamp<int64_t>(steps(cells.begin - g), 0, domain.outputs);
  return {first, std::clamp<int64_t>(steps(cells.end - g), first, domain.outputs)};
}

// A thread's part of the workspace and the block that it works on.
struct BlockTask {
  BlockTask(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot);

  // The taps of z that meet the image, too.
  void take(const Block& next);

  Line line(int64_t i) const;
  const PhaseDomain& y_of(const Panel& panel) const { return plan.y.phase[static_cast<size_t>(panel.y)]; }
  const PhaseDomain& x_of(const Panel& panel) const { return plan.x.phase[static_cast<size_t>(panel.x)]; }
  // Columns of a panel in M.
  int64_t padded(const Panel& panel) const { return panel.vectors * static_cast<int64_t>(kernels.lanes); }

  const Layer& layer;
  const arch::KernelTable& kernels;
  const Plan& plan;
  const RunArguments& arguments;
  const Workspace w;
  const bool planes;  // of the input: NCHW
  const bool planes_stored;
  float *v, *m, *source, *rows, *inner, *outputs, *zeros;

  Block block{};
  OuterTaps z;
  int64_t first_z = 0, last_z = 0;
};

// V of all lines of the block.
void transform_input(const BlockTask& task);
// The outputs of the panels [first, last), whose M is there.
void store_outputs(const BlockTask& task, size_t first, size_t last);

}  // namespace tconv::winograd
