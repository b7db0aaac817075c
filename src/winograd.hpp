// Minimal filtering (Winograd) over tiles of the image: one transformed input for all phases.
//
// Along an axis the outputs of phase r are a stride-1 convolution, y_r[q] = sum over j of  x[q - b_r - j e] w_r[j]. Count its
// outputs by g = q - d_r, with a shift d_r of the phase's own. Then m outputs g, g + e, ... of every phase lie in the same window
// of n = m + R - 1 inputs, where R spans the taps of all phases, and minimal filtering F(m, R) needs n products for them: a
// transform of the window that is the same for all phases, a product with the transformed weights of a phase, and a transform of
// the sums over the input channels (arch/cook_toom.hpp has the matrices). Two choices of the shifts:
//
//   grid of outputs: d_r = ceil((p - r) / s), so that g counts the outputs of a phase from 0 and tiles cover them exactly; a phase
//     whose taps do not fill R is padded by zero taps, and a leading one drops the product of point 0, a trailing one infinity's;
//   grid of inputs: d_r = b_r, so that R is the most taps of any phase; tiles cover one q more than there are outputs of a phase.
//
// With two such axes the products of a tile are n_y * n_x matrix products over the tiles of a block:
//
//     M[tile][point][(phase, co)] = sum over (jz, ci) of  V[point][tile][(jz, ci)] * U[point][(jz, ci)][(phase, co)]
//
// An axis whose phases have one tap each is not filtered (n = m = R = 1); z never is: its taps are part of the sum.
//
// The columns of a y-phase are (x-phase, co). At one g the phases of a run, neighbours whose taps meet the window at the same
// places, have neighbouring outputs, so that columns are neighbours in memory, too. Panels are cut from the columns of a run, or of
// one phase where nothing is gained by more: a phase that does not fill its panels wastes products.
#pragma once

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "gemm_panels.hpp"
#include "layer.hpp"

namespace tconv::winograd {

// A phase in the domain of its axis. A dead one, whose outputs no tap reaches, has no points.
struct PhaseDomain {
  int64_t shift;        // d_r
  int64_t last_tap;     // where its tap 0 lies among the R taps of the domain; tap j lies at last_tap - j
  int64_t first_point;  // its products are made at the points [first_point, last_point)
  int64_t last_point;
  bool constant;  // a single tap, at position 0: its transformed weights are the same at every point
  int64_t points() const { return last_point - first_point; }
  bool live() const { return points() != 0; }

  // Of the current shape.
  int64_t begin, end;  // g of its outputs
  int64_t output;      // position of the output of g = 0
};

struct AxisDomain {
  int64_t points = 1;         // n
  int64_t outputs = 1;        // m
  int64_t taps = 1;           // R
  int64_t step = 1;           // e
  int64_t lowest = 0;         // input of the first tap of the domain for g = 0
  int64_t products = 0;       // points of all phases together
  Buffer<PhaseDomain> phase;  // all of the axis

  // Of the current shape. Tiles of residue c < residues begin at begin + c + e * m * t.
  int64_t begin = 0;
  int64_t residues = 1;
  int64_t tiles = 1;  // of a residue
};

// Neighbouring phases of x whose columns may share panels.
struct PhaseRun {
  int64_t first, count;
  PanelWidths widths;  // of all its columns
};

// Columns that are multiplied together: column c belongs to phase x + (channel + c) / C and channel (channel + c) mod C, of C
// channels in a channel group.
struct Panel {
  int64_t y, x;     // the phases of column 0
  int64_t channel;  // of column 0, within the channel group; where it begins in `bias` and `slopes`, too
  int64_t columns;
  int64_t vectors;
};

struct Plan {
  AxisDomain y, x;
  Buffer<PhaseRun> runs;         // all phases of x
  PanelWidths phase_widths;      // of the columns of one phase
  bool merged = false;           // do the phases of a run share panels?
  int64_t passes = 1;            // over the phases, for planes each with the channels of a panel; else one
  Buffer<Panel> panels;          // [pass][y phase][x phase, channel]
  int64_t columns = 0;           // of the widest panel, padded
  int64_t bias_columns = 0;      // the channels, from the first one on again and again for a panel
  int64_t row_panels = 0;        // of a y-phase
  int64_t unit_panels = 1;       // panels that are stored together
  int64_t group_panels = 1;      // panels whose products are made together
  Buffer<int64_t> weights_at;    // [panel][point], in columns; -1: no product
  int64_t weight_columns = 0;    // of all panels and points
  Buffer<int64_t> z_weights_at;  // [z phase], in floats
  int64_t group_weights = 0;     // floats per channel group
  Buffer<float> weights;         // [channel group][z phase][panels of a group][point][panel][(jz, ci)][column]
  Buffer<float> bias;            // [channel group][panel's channels]
  Buffer<float> slopes;          // the same, for prelu
  bool streams = false;          // the output goes past the caches
  bool far_weights = false;      // they do not stay in L2 from block to block
  int64_t max_tiles = 1;         // of a block, that workspace and caches have room for

  // Of the current shape. A line is a row of tiles of one image.
  int64_t lines = 1;
  int64_t block_lines = 1;
  int64_t block_columns = 1;  // tiles of a line in one block
  bool joined = false;        // are the pixels of outputs (and residuals) neighbours?

  // What is cut into panels: runs, or each of their phases.
  int64_t cuts(const PhaseRun& run) const { return merged ? 1 : run.count; }
  const PanelWidths& widths(const PhaseRun& run) const { return merged ? run.widths : phase_widths; }

  // Has a panel any products? All phases of a run are alike.
  bool live(const Panel& panel) const {
    return y.phase[static_cast<size_t>(panel.y)].live() && x.phase[static_cast<size_t>(panel.x)].live();
  }
};

using Grid = WinogradOptions::Grid;

// Is there a domain for axis a on this grid, whatever the padding?
bool domain_exists(const Layer& layer, int a, Grid grid);
// R of that domain, for the layer's padding.
int64_t domain_taps(const Layer& layer, int a, Grid grid);
// False when out of memory. `outputs` counts only where R > 1.
[[nodiscard]] bool build_domain(const Layer& layer, int a, Grid grid, int64_t outputs, AxisDomain* domain);
// For the layer's sizes and padding.
void place_domain(const Layer& layer, int a, AxisDomain* domain);

// Expected on inputs and weights N(0, 1), after docs/winograd.md. x = nullptr: that axis is done directly, a tap at a time.
struct ErrorEstimate {
  double ratio;        // root mean square of the errors, over that of window GEMM's
  double largest_rms;  // of the errors at the worst place of a tile, in units of the output's root mean square
};
ErrorEstimate estimate_errors(const Layer& layer, const AxisDomain& y, const AxisDomain* x);
// Do domains keep to the class, with something to spare for what the estimates do not see?
bool accurate(const Layer& layer, WinogradAccuracy accuracy, const AxisDomain& y, const AxisDomain* x);

// Are outputs collected in a strip and transposed into planes? A single plane is pixels of one channel.
inline bool stores_planes(const Layer& layer) { return layer.description.layout == Layout::nchw && layer.out_per_group > 1; }
// Floats between the pixels of that strip.
inline int64_t strip_pixel(const Layer& layer, const Plan& plan, int64_t panel_columns) {
  return plan.merged ? layer.out_per_group : panel_columns;
}
// Are pixels of outputs (and residuals) neighbours, where they are stored?
bool pixels_join(const Layer& layer);
// Finds the runs of a plan whose domains are built. False when out of memory.
[[nodiscard]] bool find_runs(const Layer& layer, const arch::KernelTable& kernels, Plan* plan);
// Decides how wide panels are, and whether they are cut from runs. False when the layer does not let runs merge.
bool choose_panels_of_runs(const Layer& layer, const arch::KernelTable& kernels, bool merged, Plan* plan);
// Cuts them. False when out of memory.
[[nodiscard]] bool cut_panels(const Layer& layer, const arch::KernelTable& kernels, Plan* plan);
// Fills in panels, weights, bias and slopes of a plan whose domains and blocks are chosen. Error: out_of_memory.
Status pack(const Layer& layer, const arch::KernelTable& kernels, const float* weights, const float* bias, Plan* plan);

bool supports(const Layer& layer, const Options& options);
// Estimated cycles of one run on one thread, of the best variant.
double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan);
Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);  // per thread
size_t packed_bytes(const Plan& plan);
void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);
// Names the variant: "F(4,3)", "F(4,3) x F(5,2)", with the grid, and whether phases share panels.
void describe(const Plan& plan, char* text, size_t size);

}  // namespace tconv::winograd
