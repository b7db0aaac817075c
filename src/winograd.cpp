#include "winograd.hpp"

#include <algorithm>
#include <cstdio>

#include "arch/cook_toom.hpp"
#include "checked.hpp"
#include "gemm_panels.hpp"
#include "streamed_output.hpp"
#include "weight_stream.hpp"
#include "winograd_workspace.hpp"

namespace tconv::winograd {
namespace {

constexpr size_t smallest_workspace = size_t{128} << 10;
constexpr int64_t most_panels = 1 << 16;

int64_t most_steps(const Layer& layer) { return layer.phases[0].most_taps() * layer.in_per_group; }

bool filtered(const Layer& layer, int a) { return layer.phases[a].most_taps() > 1; }

// Points of an axis that are tried; accurate() decides.
int64_t allowed_points(const Layer& layer, const WinogradOptions& options) {
  switch (options.accuracy) {
    case WinogradAccuracy::strict:
    case WinogradAccuracy::standard:
      return filtered(layer, 1) && filtered(layer, 2) ? 6 : arch::max_points;
    default:
      return 0;
  }
}

// A way to do the layer: how the grid lies and how many outputs a tile has along a filtered axis.
struct Variant {
  Grid grid;
  int64_t outputs;
};

// Outputs of a tile along axis a, or 0 when the domain would have too many points. `taps`: R.
int64_t tile_outputs(int64_t taps, int64_t outputs, int64_t allowed, bool exact) {
  if (taps <= 1) return 1;
  const int64_t most = allowed - taps + 1;
  if (most < 2 || (exact && outputs > most)) return 0;
  return std::min(outputs, most);
}

int64_t weight_columns(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  const PanelWidths widths = panels_of_phase(layer, kernels);
  const int64_t padded = ((widths.count - 1) * widths.vectors + widths.last_vectors) * static_cast<int64_t>(kernels.lanes);
  const auto stored = [](const AxisDomain& domain) {
    int64_t points = 0;
    for (const PhaseDomain& phase : domain.phase) points += phase.constant ? 1 : phase.points();
    return points;
  };
  return stored(plan.y) * stored(plan.x) * padded;
}

double bytes_of_weights(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  double steps = 0;
  for (const LivePhase& z : layer.phases[0].live) steps += static_cast<double>(z.taps * layer.in_per_group);
  return static_cast<double>(layer.description.groups) * steps * static_cast<double>(weight_columns(layer, kernels, plan)) *
         sizeof(float);
}

// Fills in everything about the shape of a variant but the packed weights. False when the variant cannot do the layer.
bool shape_variant(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const Variant& variant,
                   Plan* plan) {
  const int64_t allowed = allowed_points(layer, options.winograd);
  AxisDomain* const domains[max_rank] = {nullptr, &plan->y, &plan->x};
  int64_t largest = 0;
  for (int a = 1; a < max_rank; ++a) {
    const Grid grid = filtered(layer, a) ? variant.grid : Grid::inputs;
    if (!domain_exists(layer, a, grid)) return false;
    const int64_t outputs = tile_outputs(domain_taps(layer, a, grid), variant.outputs, allowed, options.winograd.outputs != 0);
    if (outputs == 0 || !build_domain(layer, a, grid, outputs, domains[a])) return false;
    if (filtered(layer, a)) largest = std::max(largest, outputs);
  }
  if (largest != variant.outputs) return false;  // another variant does the same
  if (!accurate(layer, options.winograd.accuracy, plan->y, &plan->x)) return false;
  place_domain(layer, 1, &plan->y);
  place_domain(layer, 2, &plan->x);

  const PanelWidths widths = panels_of_phase(layer, kernels);
  plan->columns = widths.vectors * static_cast<int64_t>(kernels.lanes);
  const int64_t x_phases = static_cast<int64_t>(plan->x.phase.size());
  const bool planes = layer.description.layout == Layout::nchw;
  // Planes are written when all x-phases of their rows are there.
  const int64_t fewest_panels = planes ? x_phases : 1;
  const size_t most_bytes = options.max_workspace_bytes;
  // V and M are written and read a few times each, from L2. Weights stay there too if they take no more than half of it: then all
  // three together leave a part of it for what passes by, and M of few panels is transformed while it is near. Others want as many
  // tiles as there is room for.
  const double l2 = static_cast<double>(options.cache.l2);
  const double weight_bytes = bytes_of_weights(layer, kernels, *plan);
  plan->far_weights = weight_bytes > 0.5 * l2;
  const size_t near_bytes =
      std::min(most_bytes, std::max(static_cast<size_t>(plan->far_weights ? 0.5 * l2 : 0.75 * l2 - weight_bytes), size_t{1} << 17));
  const int64_t rows = static_cast<int64_t>(kernels.gemm_tile_rows[widths.vectors - 1]);
  const int64_t fewest_tiles = ceil_div(plan->far_weights ? 48 : 16, rows) * rows;
  int64_t tiles = ceil_div(plan->far_weights ? 96 : 60, rows) * rows;
  const int64_t panels = widths.count * static_cast<int64_t>(plan->y.phase.size()) * x_phases;
  plan->group_panels = std::min(panels, fewest_panels * ceil_div(plan->far_weights ? 8 : 2, fewest_panels));
  const auto bytes = [&] { return workspace(layer, *plan, 1, tiles).bytes(); };
  while (tiles > fewest_tiles && bytes() > near_bytes) tiles -= rows;
  while (plan->group_panels > fewest_panels && bytes() > most_bytes)
    plan->group_panels = fewest_panels * std::max<int64_t>(1, plan->group_panels / fewest_panels / 2);
  while (tiles > 1 && bytes() > most_bytes) tiles = tiles > rows ? tiles - rows : tiles / 2;
  plan->max_tiles = tiles;
  return bytes() <= most_bytes;
}

// Tiles of a plane's lines in blocks of equal size.
void place_blocks(const Layer& layer, const Options& options, Plan* plan) {
  place_domain(layer, 1, &plan->y);
  place_domain(layer, 2, &plan->x);
  plan->lines = layer.description.batch * plan->y.residues * plan->y.tiles * plan->x.residues;
  const int64_t strips = ceil_div(plan->x.tiles, plan->max_tiles);
  plan->block_columns = ceil_div(plan->x.tiles, strips);
  const int64_t most_lines = std::max<int64_t>(1, plan->max_tiles / plan->block_columns);
  plan->block_lines = strips > 1 ? 1 : ceil_div(plan->lines, ceil_div(plan->lines, most_lines));

  const Description& d = layer.description;
  const Pitch& p = layer.geometry.output_pitch;
  plan->streams = d.layout == Layout::nhwc && !d.residual && arch::is_clamp(d.activation.kind) &&
                  worth_streaming(options.cache, layer.geometry.output_elements) &&
                  (p.pixel | p.row | p.plane | p.batch) % line_floats == 0;
}

// Cycles of one run. Products: as window GEMM's. Their weights come from the cache that holds them once a block, evenly while
// products are made: the longer of the two counts, and two fifths of the other. Transforms: what they load and store, and a call's
// overhead.
double cycles_of(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const Plan& plan) {
  const Geometry& g = layer.geometry;
  const double tiles = static_cast<double>(plan.lines) * static_cast<double>(plan.x.tiles);
  const double blocks =
      static_cast<double>(ceil_div(plan.lines, plan.block_lines)) * static_cast<double>(ceil_div(plan.x.tiles, plan.block_columns));
  const int64_t rows = static_cast<int64_t>(std::max(1.0, tiles / blocks));
  const double products = static_cast<double>(plan.y.products) * static_cast<double>(plan.x.products);
  const PanelWidths widths = choose_panels(kernels, layer.out_per_group, rows);
  const double all_phases = static_cast<double>(plan.y.phase.size()) * static_cast<double>(plan.x.phase.size());
  const double phases = static_cast<double>(layer.phases[1].live.size()) * static_cast<double>(layer.phases[2].live.size());

  double all_taps = 0;
  for (const LivePhase& phase : layer.phases[0].live) all_taps += static_cast<double>(phase.taps);
  const double groups = static_cast<double>(layer.description.groups);
  // One way of a plane's weights from the cache or memory that holds them, per tap of z: a part of it passes while products are
  // made.
  const double stream = 0.75 * stream_cycles(options.cache, bytes_of_weights(layer, kernels, plan)) / groups / all_taps;

  const double ny = static_cast<double>(plan.y.points), nx = static_cast<double>(plan.x.points);
  const double my = static_cast<double>(plan.y.outputs), mx = static_cast<double>(plan.x.outputs);
  // Along y and then along x; a 1-D layer has the latter alone.
  const bool two = plan.y.points > 1;
  const double input = (two ? 2 * ny * (mx + 1) : 0) + 2 * ny * nx;         // per tile and vector of channels
  const double output = (two ? (ny + my) * nx : 0) + 1.5 * my * (nx + mx);  // per tile, phase and vector of columns
  const double calls = two ? 200 : 100;
  const double dead = 1.5 * my * mx;  // outputs of a dead phase are stored alone
  const double channel_vectors = static_cast<double>(ceil_div(layer.in_per_group, static_cast<int64_t>(kernels.lanes)));
  const double column_vectors = static_cast<double>((widths.count - 1) * widths.vectors + widths.last_vectors);

  double cycles = 0;
  const Axis& z = g.axis[0];
  for (const LivePhase& phase : layer.phases[0].live) {
    const int64_t first = ceil_div(z.pad_begin - phase.index, z.stride);
    const double planes =
        static_cast<double>(std::max<int64_t>(0, floor_div(g.output[0] - 1 + z.pad_begin - phase.index, z.stride) + 1 - first));
    const double taps = static_cast<double>(phase.taps);
    const double steps = taps * static_cast<double>(layer.in_per_group);
    const double made = products * (steps * widths.cycles + static_cast<double>(widths.count) * 110);
    const double block = std::max(made, taps * stream) + 0.4 * std::min(made, taps * stream);
    const double tile = input * taps * channel_vectors + (phases * output + (all_phases - phases) * dead) * column_vectors +
                        all_phases * calls * static_cast<double>(widths.count);
    cycles += planes * (blocks * block + tiles * tile);
  }
  if (layer.description.layout == Layout::nchw) {
    cycles += static_cast<double>(g.input_elements) * ny / my * 0.8 + static_cast<double>(g.output_elements) * 0.8;
  }
  // Tiles are stored in bursts, which wait for lines that are not in L2.
  const double tensors = static_cast<double>(g.input_elements + g.output_elements) * sizeof(float);
  const double waiting = 0.3 * std::max(0.0, tensors - 0.5 * static_cast<double>(options.cache.l2));
  return cycles * groups + waiting;
}

// Calls f(variant) for every variant that the options let through.
template <typename Function>
void for_each_variant(const Options& options, const Function& f) {
  const WinogradOptions& w = options.winograd;
  for (const Grid grid : {Grid::outputs, Grid::inputs}) {
    if (w.grid != Grid::automatic && w.grid != grid) continue;
    for (int64_t outputs = 2; outputs <= arch::max_point_outputs; ++outputs) {
      if (w.outputs == 0 || w.outputs == outputs) f(Variant{grid, outputs});
    }
  }
}

// The cheapest variant, shaped. False when there is none.
bool choose_variant(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* best, double* cycles) {
  bool found = false;
  for_each_variant(options, [&](const Variant& variant) {
    Plan plan;
    if (!shape_variant(layer, kernels, options, variant, &plan)) return;
    place_blocks(layer, options, &plan);
    if (bytes_of_weights(layer, kernels, plan) > static_cast<double>(options.max_packed_bytes)) return;
    const double estimate = cycles_of(layer, kernels, options, plan);
    if (found && estimate >= *cycles) return;
    found = true;
    *cycles = estimate;
    *best = std::move(plan);
  });
  return found;
}

}  // namespace

// Blocks of about 48 tiles are typical.
PanelWidths panels_of_phase(const Layer& layer, const arch::KernelTable& kernels) {
  return choose_panels(kernels, layer.out_per_group, 48);
}

Workspace workspace(const Layer& layer, const Plan& plan, int64_t lines, int64_t columns) {
  const auto aligned = [](int64_t floats) { return (floats + 15) / 16 * 16; };
  // Neighbours at a multiple of 4 KiB would share the sets of L1.
  const auto apart = [&](int64_t floats) { return aligned(floats) % 256 == 0 ? aligned(floats) + 16 : aligned(floats); };
  const bool planes = layer.description.layout == Layout::nchw;
  const int64_t tiles = lines * columns;
  const int64_t points = plan.y.points * plan.x.points;
  Workspace w{};
  w.pitch = aligned(most_steps(layer)) + 16;
  w.point_pitch = apart(tiles * w.pitch);
  w.v = points * w.point_pitch;
  w.m_point = apart(tiles * plan.columns);
  w.panel_pitch = points * w.m_point;
  w.m = plan.group_panels * w.panel_pitch;
  // Rows of a strip of tiles, and a chunk of channels, transformed along y: they should stay in L1. Long runs are read with less
  // waiting; those of planes are along x.
  w.chunk = std::min<int64_t>(aligned(layer.in_per_group), planes ? 16 : 128);
  const int64_t room = 6144 / (plan.y.points * w.chunk);  // pixels
  w.strip = std::clamp<int64_t>((room - plan.x.points) / plan.x.outputs + 1, 1, columns);
  w.pixels = (w.strip - 1) * plan.x.outputs + plan.x.points;
  const bool copied = planes || layer.has_input_activation();
  w.source = copied ? aligned(plan.y.points * w.pixels * w.chunk) : 0;
  w.rows = plan.x.points > 1 ? aligned(plan.y.points * w.pixels * w.chunk) : 0;
  // Of a few tiles of all panels that are multiplied together.
  const bool two = plan.y.points > 1 && plan.x.points > 1;
  w.inner_tiles = two ? std::min<int64_t>(columns, 16) : columns;
  w.inner_panel = two ? aligned(w.inner_tiles * plan.y.outputs * plan.x.points * plan.columns) : 0;
  w.inner = std::min<int64_t>(plan.group_panels, stored_together) * w.inner_panel;
  w.outputs = planes ? aligned(plan.y.outputs * columns * plan.x.outputs * layer.axis(2).stride * plan.columns) : 0;
  w.zeros = std::max(w.chunk, plan.columns);
  return w;
}

bool supports(const Layer& layer, const Options& options) {
  const WinogradOptions& w = options.winograd;
  const int64_t allowed = allowed_points(layer, w);
  if (!layer.finite_weights || allowed == 0 || options.max_workspace_bytes < smallest_workspace) return false;
  if (!filtered(layer, 1) && !filtered(layer, 2)) return false;
  const int64_t y_phases = layer.phases[1].stride, x_phases = layer.phases[2].stride;
  if (y_phases > most_panels || x_phases > most_panels) return false;
  const int64_t phases = y_phases * x_phases;
  if (phases > most_panels || phases * layer.out_per_group > most_panels * 16) return false;
  // Tiles of interleaved residues would leave gaps in the rows of planes.
  if (layer.description.layout == Layout::nchw && layer.phases[2].input_step > 1) return false;
  // What can be done must not depend on the padding, which reshape() may change: the grid of outputs may need a tap more.
  const Grid grid = w.grid == Grid::outputs ? Grid::outputs : Grid::inputs;
  for (int a = 1; a < max_rank; ++a) {
    const Grid own = filtered(layer, a) ? grid : Grid::inputs;
    if (!domain_exists(layer, a, own)) return false;
    const int64_t taps = layer.phases[a].most_taps();
    if (taps > 1 && taps + (own == Grid::outputs ? 1 : 0) + std::max(w.outputs, 2) - 1 > allowed) return false;
  }
  return true;  // whether a tile fits the workspace, create() finds out
}

double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  Plan plan;
  double cycles = 1e300;
  choose_variant(layer, kernels, options, &plan, &cycles);
  return cycles;
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan) {
  double cycles = 0;
  if (!choose_variant(layer, kernels, options, plan, &cycles)) {
    return Status::error(
        StatusCode::unsupported,
        "algorithm = winograd: no variant keeps to its accuracy, max_packed_bytes = %zu and max_workspace_bytes = %zu",
        options.max_packed_bytes, options.max_workspace_bytes);
  }
  return pack(layer, kernels, weights, bias, plan);
}

Status reshape(const Layer& layer, const arch::KernelTable&, const Options& options, Plan* plan) {
  place_blocks(layer, options, plan);
  return {};
}

size_t workspace_bytes(const Layer& layer, const arch::KernelTable&, const Plan& plan) {
  return (workspace(layer, plan, plan.block_lines, plan.block_columns).bytes() + 63) / 64 * 64;
}

size_t packed_bytes(const Plan& plan) {
  return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes() + plan.panels.bytes() + plan.weights_at.bytes() +
         plan.z_weights_at.bytes();
}

void describe(const Plan& plan, char* text, size_t size) {
  char axis[2][16] = {};
  int n = 0;
  const char* grid = "inputs";
  for (const AxisDomain* domain : {&plan.y, &plan.x}) {
    if (domain->taps == 1) continue;
    std::snprintf(axis[n++], sizeof axis[0], "F(%d,%d)", static_cast<int>(domain->outputs), static_cast<int>(domain->taps));
    for (const PhaseDomain& phase : domain->phase) {
      if (phase.live() && phase.points() < domain->points) grid = "outputs";
    }
  }
  std::snprintf(text, size, "%s%s%s on the grid of %s", axis[0], n == 2 ? " x " : "", axis[1], grid);
}

}  // namespace tconv::winograd
