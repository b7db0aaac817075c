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

int64_t weight_columns(const arch::KernelTable& kernels, const Plan& plan) {
  const auto stored = [](const PhaseDomain& phase) { return phase.constant ? 1 : phase.points(); };
  int64_t y = 0;
  for (const PhaseDomain& phase : plan.y.phase) y += stored(phase);
  int64_t x = 0;
  for (const PhaseRun& run : plan.runs) {
    x += stored(plan.x.phase[static_cast<size_t>(run.first)]) * plan.cuts(run) * plan.widths(run).all_vectors();
  }
  return y * x * static_cast<int64_t>(kernels.lanes);
}

double bytes_of_weights(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  double steps = 0;
  for (const LivePhase& z : layer.phases[0].live) steps += static_cast<double>(z.taps * layer.in_per_group);
  return static_cast<double>(layer.description.groups) * steps * static_cast<double>(weight_columns(kernels, plan)) * sizeof(float);
}

// Fills in the domains of a variant. False when the variant cannot do the layer.
bool build_domains(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const Variant& variant,
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
  return find_runs(layer, kernels, plan);
}

// Everything else about the shape of a variant but the packed weights. `merged`: phases share panels. False when that, or the
// workspace, is not to be had.
bool shape_panels(const Layer& layer, const arch::KernelTable& kernels, const Options& options, bool merged, Plan* plan) {
  if (!choose_panels_of_runs(layer, kernels, merged, plan)) return false;
  const int64_t fewest_panels = plan->unit_panels;
  const size_t most_bytes = options.max_workspace_bytes;
  // V and M are written and read a few times each, from L2. Weights stay there too if they take no more than half of it: then all
  // three together leave a part of it for what passes by, and M of few panels is transformed while it is near. Others want as many
  // tiles as there is room for.
  const double l2 = static_cast<double>(options.cache.l2);
  const double weight_bytes = bytes_of_weights(layer, kernels, *plan);
  plan->far_weights = weight_bytes > 0.5 * l2;
  const size_t near_bytes =
      std::min(most_bytes, std::max(static_cast<size_t>(plan->far_weights ? 0.5 * l2 : 0.75 * l2 - weight_bytes), size_t{1} << 17));
  const int64_t rows = static_cast<int64_t>(kernels.gemm_tile_rows[plan->columns / static_cast<int64_t>(kernels.lanes) - 1]);
  const int64_t fewest_tiles = ceil_div(plan->far_weights ? 48 : 16, rows) * rows;
  int64_t tiles = ceil_div(plan->far_weights ? 96 : 60, rows) * rows;
  const int64_t panels = plan->row_panels * static_cast<int64_t>(plan->y.phase.size());
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

  plan->joined = pixels_join(layer);
  const Description& d = layer.description;
  const Pitch& p = layer.geometry.output_pitch;
  plan->streams = d.layout == Layout::nhwc && !d.residual && arch::is_clamp(d.activation.kind) &&
                  worth_streaming(options.cache, layer.geometry.output_elements) &&
                  (p.pixel | p.row | p.plane | p.batch) % line_floats == 0;
}

// Cycles of one run. Products: as window GEMM's. Their weights come from the cache that holds them once a block, evenly while
// products are made: the longer of the two counts, and two fifths of the other. Transforms: what they load and store, from and to
// L2 for the most part, and a call's overhead.
double cycles_of(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const Plan& plan) {
  const Geometry& g = layer.geometry;
  const double tiles = static_cast<double>(plan.lines) * static_cast<double>(plan.x.tiles);
  const double blocks =
      static_cast<double>(ceil_div(plan.lines, plan.block_lines)) * static_cast<double>(ceil_div(plan.x.tiles, plan.block_columns));
  const int64_t rows = static_cast<int64_t>(std::max(1.0, tiles / blocks));
  // Of a y-phase: cycles of its products' steps, and calls, at all points of x; vectors of columns, and those with products.
  double step_cycles = 0, calls_made = 0, vectors = 0, live_vectors = 0;
  for (const PhaseRun& run : plan.runs) {
    const PhaseDomain& phase = plan.x.phase[static_cast<size_t>(run.first)];
    const PanelWidths& widths = plan.widths(run);
    const double cuts = static_cast<double>(plan.cuts(run));
    const double points = cuts * static_cast<double>(phase.points());
    step_cycles += points * panels_cycles(kernels, widths, rows);
    calls_made += points * static_cast<double>(widths.count);
    vectors += cuts * static_cast<double>(widths.all_vectors());
    if (phase.live()) live_vectors += cuts * static_cast<double>(widths.all_vectors());
  }
  const double y_products = static_cast<double>(plan.y.products);
  const double y_phases = static_cast<double>(plan.y.phase.size());
  live_vectors *= static_cast<double>(layer.phases[1].live.size());
  vectors *= y_phases;

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
  // V and M go by way of L2, 5 cycles a cache line, the less the more of them stays in L1.
  const Workspace w = workspace(layer, plan, plan.block_lines, plan.block_columns);
  const double beyond_l1 =
      std::min(1.0, static_cast<double>(w.v + w.m) * sizeof(float) / (0.25 * static_cast<double>(options.cache.l2)));
  const double way = 5 * beyond_l1 * static_cast<double>(kernels.lanes) / line_floats;  // of a vector
  const double input = (two ? 2 * ny * (mx + 1) : 0) + (2 + way) * ny * nx;             // per tile and vector of channels
  const double output =
      0.7 * ((two ? (ny + my) * nx : 0) + 1.5 * my * (nx + mx)) + way * ny * nx;  // per tile and vector of columns
  const double calls = two ? 200 : 100;                                           // per tile and panel
  const double dead = 1.5 * my * mx;                                              // outputs of a dead phase are stored alone
  const double channel_vectors = static_cast<double>(ceil_div(layer.in_per_group, static_cast<int64_t>(kernels.lanes)));

  double cycles = 0;
  const Axis& z = g.axis[0];
  for (const LivePhase& phase : layer.phases[0].live) {
    const int64_t first = ceil_div(z.pad_begin - phase.index, z.stride);
    const double planes =
        static_cast<double>(std::max<int64_t>(0, floor_div(g.output[0] - 1 + z.pad_begin - phase.index, z.stride) + 1 - first));
    const double taps = static_cast<double>(phase.taps);
    const double steps = taps * static_cast<double>(layer.in_per_group);
    const double made = y_products * (steps * step_cycles + calls_made * 160);
    const double block = std::max(made, taps * stream) + 0.4 * std::min(made, taps * stream);
    const double tile = input * taps * channel_vectors + output * live_vectors + dead * (vectors - live_vectors) +
                        y_phases * static_cast<double>(plan.row_panels) * calls;
    cycles += planes * (blocks * block + tiles * tile);
  }
  cycles *= groups;
  const bool nchw = layer.description.layout == Layout::nchw;
  if (nchw) {
    // A number, and the end of a row of a plane.
    const auto transposed = [](int64_t numbers, int64_t row) {
      return static_cast<double>(numbers) * (0.5 + 10 / static_cast<double>(std::max<int64_t>(1, row)));
    };
    cycles += transposed(g.input_elements, g.axis[2].input) * ny / my;
    if (stores_planes(layer)) cycles += transposed(g.output_elements, g.output[2]);
  }
  // Tiles are stored in bursts, which wait for lines that are not in L2: the less, the more of them follow each other.
  const double tensors = static_cast<double>(g.input_elements + g.output_elements) * sizeof(float);
  const double a_byte = 0.1 * (1 + (two ? 1 : 0) + (nchw ? 1 : 0));
  return cycles + a_byte * std::max(0.0, tensors - 0.5 * static_cast<double>(options.cache.l2));
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
    if (!build_domains(layer, kernels, options, variant, &plan)) return;
    bool better = false;
    bool merged = false;  // of the better way
    for (const bool tried : {false, true}) {
      if (!shape_panels(layer, kernels, options, tried, &plan)) continue;
      place_blocks(layer, options, &plan);
      if (bytes_of_weights(layer, kernels, plan) > static_cast<double>(options.max_packed_bytes)) continue;
      const double estimate = cycles_of(layer, kernels, options, plan);
      if (found && estimate >= *cycles) continue;
      found = better = true;
      merged = tried;
      *cycles = estimate;
    }
    if (!better) return;
    *best = std::move(plan);
    shape_panels(layer, kernels, options, merged, best);
    place_blocks(layer, options, best);
  });
  return found;
}

}  // namespace

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
  w.outputs =
      stores_planes(layer)
          ? aligned(plan.y.outputs * columns * plan.x.outputs * layer.axis(2).stride * strip_pixel(layer, plan, plan.columns))
          : 0;
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
  return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes() + plan.runs.bytes() + plan.panels.bytes() +
         plan.weights_at.bytes() + plan.z_weights_at.bytes();
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
  std::snprintf(text, size, "%s%s%s on the grid of %s%s", axis[0], n == 2 ? " x " : "", axis[1], grid,
                plan.merged ? ", merged phases" : "");
}

}  // namespace tconv::winograd
