#include "planar_winograd.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>

#include "arch/cook_toom.hpp"
#include "checked.hpp"
#include "group_pixels.hpp"
#include "weight_stream.hpp"

namespace tconv::planar_winograd {
namespace {

using Grid = WinogradOptions::Grid;

constexpr size_t smallest_workspace = size_t{128} << 10;
constexpr int64_t most_lanes = 16;
constexpr int64_t most_rows = 64;  // of T in one chunk, where a chunk has several phases or channels
constexpr int64_t longest = 65536;

int64_t rounded(int64_t x, int64_t unit) { return ceil_div(x, unit) * unit; }

// Rows that are read together must not share cache sets: an odd number of cache lines between them.
int64_t odd_lines(int64_t floats) {
  const int64_t lines = ceil_div(floats, 16);
  return 16 * (lines + 1 - lines % 2);
}

// The points of U: far from multiples of 4 KiB.
int64_t distant(int64_t floats) {
  int64_t pitch = rounded(floats, 16);
  while (pitch % 1024 < 96 || pitch % 1024 > 928) pitch += 144;
  return pitch;
}

// Largest difference of the shifts of two taps of an axis, whatever the padding.
int64_t most_reach(const Layer& layer, int a) {
  return layer.axis(a).dilation * (layer.axis(a).kernel - 1) / layer.axis(a).stride + 1;
}

// That are tried; winograd::accurate() decides.
int64_t allowed_points(const WinogradOptions& options) { return options.accuracy == WinogradAccuracy::off ? 0 : arch::max_points; }

// Rows that tiles share are transposed once for each of them, or once and written to the ring, which lies in L2.
InputPath choose_path(const Layer& layer, const winograd::AxisDomain& y) {
  if (layer.has_input_activation()) return InputPath::ring;
  if (layer.description.layout == Layout::nchw) return InputPath::planes;
  return 2 * y.points > 3 * y.outputs ? InputPath::ring : InputPath::pixels;
}

// Finished rows lie in the output itself, if its pixels are neighbours.
bool rows_in_place(const Layer& layer) {
  const Description& d = layer.description;
  return d.layout == Layout::nchw || (d.out_channels == 1 && layer.geometry.output_pitch.pixel == 1);
}

// What depends on the strip, for a block of `block` columns. `any_shape`: at least as much as any shape of the layer needs.
void size_workspace(const Layer& layer, int64_t block, int64_t lanes, bool any_shape, Plan* plan) {
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  const int64_t z_taps = layer.phases[0].most_taps();
  const int64_t n = plan->y.points;
  const int64_t m = plan->y.outputs;
  const int64_t pairs = plan->chunk.phases * plan->chunk.channels;
  const int64_t columns = plan->strip + plan->reach;
  plan->x_blocks = ceil_div(any_shape ? columns : std::min(columns, x.input), block);
  const int64_t width = plan->x_blocks * block;
  plan->point_pitch = distant(width * layer.in_per_group);
  // Rows that overlap are read up to four vectors from any q of the strip on.
  plan->t_pitch = odd_lines(columns + 5 * lanes);
  plan->row_pitch = odd_lines(x.stride * plan->strip);
  const bool nhwc = layer.description.layout == Layout::nhwc;
  const bool gathered = layer.description.residual && nhwc && (any_shape || g.residual_pitch.pixel != 1);
  int64_t stage = 0;
  if (plan->input == InputPath::ring) stage = z_taps * n * plan->point_pitch;
  if (plan->input == InputPath::pixels) stage = n * block * static_cast<int64_t>(arch::WinogradPixels::channels_at_once);
  plan->workspace = {
      z_taps * n * plan->point_pitch,
      pairs * x.kernel * plan->t_pitch,
      pairs * n * plan->row_pitch,
      stage,
      nhwc && (any_shape || !rows_in_place(layer)) ? m * plan->chunk.channels * plan->row_pitch : 0,
      gathered ? m * plan->row_pitch : 0,
      2 * plan->row_pitch,
      rounded(std::max({width, plan->row_pitch, plan->input == InputPath::ring ? block * layer.in_per_group : 0}), 16),
      rounded(plan->strip, 16),
      rounded(x.kernel * static_cast<int64_t>(sizeof(arch::OverlapTerm) / sizeof(float)), 16),
      rounded(z_taps * static_cast<int64_t>(sizeof(arch::PlanarSegment) / sizeof(float)), 16)};
}

// Does the shortest strip, of two blocks at most, fit for any shape?
bool fits_any_shape(const Layer& layer, const Options& options, int64_t block, int64_t lanes, Plan* plan) {
  plan->reach = most_reach(layer, 2);
  plan->strip = 2 * block;
  size_workspace(layer, block, lanes, true, plan);
  return plan->workspace.floats() <= static_cast<int64_t>(options.max_workspace_bytes / sizeof(float));
}

void place_taps(const Layer& layer, Plan* plan) {
  const Axis& x = layer.axis(2);
  int64_t smallest = INT64_MAX;
  plan->largest_shift = INT64_MIN;
  for (int64_t t = 0; t < x.kernel; ++t) {
    const int64_t shift = floor_div(x.dilation * t - x.pad_begin, x.stride);
    smallest = std::min(smallest, shift);
    plan->largest_shift = std::max(plan->largest_shift, shift);
  }
  plan->reach = plan->largest_shift - smallest;
}

// Strips as long as the caches allow, and equally long; with their reach they fill whole blocks.
void place_strips(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t block = lanes * static_cast<int64_t>(kernels.planar_vectors);
  const int64_t q_count = ceil_div(layer.output(2), layer.axis(2).stride);
  const size_t near = std::min(std::max(options.cache.l2 / 2, smallest_workspace), options.max_workspace_bytes);
  const int64_t floats = static_cast<int64_t>(near / sizeof(float));
  const auto fits = [&](int64_t strip) {
    plan->strip = strip;
    size_workspace(layer, block, lanes, false, plan);
    return plan->workspace.floats() <= floats;
  };
  if (q_count <= longest && fits(q_count)) return;
  int64_t blocks = ceil_div(plan->reach, block) + 1;
  const int64_t most_blocks = ceil_div(std::min(q_count, longest) + plan->reach, block);
  int64_t step = 1;
  while (2 * step <= most_blocks) step *= 2;
  for (; step > 0; step /= 2) {
    if (blocks + step <= most_blocks && fits((blocks + step) * block - plan->reach)) blocks += step;
  }
  const int64_t strips = ceil_div(q_count, blocks * block - plan->reach);
  plan->strip = rounded(ceil_div(q_count, strips) + plan->reach, block) - plan->reach;
  size_workspace(layer, block, lanes, false, plan);
}

// Rows of T that stay in L1 while they are added up, and that fill whole blocks of rows.
Chunks choose_chunks(const Layer& layer, const arch::KernelTable& kernels) {
  const int64_t kernel = layer.axis(2).kernel;
  const int64_t phases = layer.axis(1).stride;
  const int64_t channels = layer.out_per_group;
  if (channels * kernel <= most_rows) return {std::clamp<int64_t>(most_rows / (channels * kernel), 1, phases), channels};
  const RowBlocks blocks(kernels);
  int64_t best = 1;
  double best_fill = 0;
  for (int64_t c = 1; c <= channels && (c == 1 || c * kernel <= most_rows); ++c) {
    const double fill = blocks.fill(c * kernel);
    if (fill >= best_fill) {
      best = c;
      best_fill = fill;
    }
  }
  return {1, best};
}

// Floats of the weights of one channel group.
double group_weights(const Layer& layer, double products) {
  double steps = 0;
  for (const LivePhase& z : layer.phases[0].live) steps += static_cast<double>(z.taps * layer.in_per_group);
  return steps * products * static_cast<double>(layer.out_per_group * layer.axis(2).kernel);
}
bool weights_fit(const Layer& layer, const Options& options, int64_t products) {
  const double floats = group_weights(layer, static_cast<double>(products)) * static_cast<double>(layer.description.groups);
  return floats * sizeof(float) <= static_cast<double>(options.max_packed_bytes);
}

// A plan of this variant without its weights, for the layer's shape. False when it cannot do the layer (or there is no memory).
bool shape_variant(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const Variant& variant,
                   Plan* plan) {
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  if (!winograd::build_domain(layer, 1, variant.grid, variant.outputs, &plan->y)) return false;
  if (!winograd::accurate(layer, options.winograd.accuracy, plan->y, nullptr)) return false;
  if (!weights_fit(layer, options, plan->y.products)) return false;
  plan->input = choose_path(layer, plan->y);
  plan->row_blocks = RowBlocks(kernels);
  plan->chunk = choose_chunks(layer, kernels);
  while (!fits_any_shape(layer, options, block, static_cast<int64_t>(kernels.lanes), plan)) {
    if (plan->chunk.phases == 1 && plan->chunk.channels == 1) return false;
    int64_t& larger = plan->chunk.phases > 1 ? plan->chunk.phases : plan->chunk.channels;
    larger = ceil_div(larger, 2);
  }
  winograd::place_domain(layer, 1, &plan->y);
  place_taps(layer, plan);
  place_strips(layer, kernels, options, plan);
  return true;
}

// Additions, multiplications and loads and stores of a vector through the transforms, in cycles.
double input_cycles(int64_t points) {
  constexpr double cycles[] = {0, 0, 0, 4, 6, 9, 12, 16, 18};
  return cycles[points];
}
double output_cycles(int64_t points, int64_t outputs) { return static_cast<double>(points) + 2.0 * static_cast<double>(outputs); }

// Cycles of the products of one row of tiles and strip of `columns`, in sums of `steps`: as in planar.
double product_cycles(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, int64_t columns, double steps) {
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t block = lanes * static_cast<int64_t>(kernels.planar_vectors);
  const int64_t phases = layer.axis(1).stride;
  const int64_t rest = columns % block;
  double cycles = 0;
  for (int64_t first = 0; first < phases; first += plan.chunk.phases) {
    for (int64_t point = 0; point < plan.y.points; ++point) {
      const int64_t active = active_phases(plan, first, std::min(phases, first + plan.chunk.phases), point);
      if (active == 0) continue;
      const int64_t rows = active * plan.chunk.channels * layer.axis(2).kernel;
      double all = static_cast<double>(columns / block) * plan.row_blocks.cycles(rows);
      if (rest != 0) all += rest <= lanes ? plan.row_blocks.cycles_of_vector(rows) : plan.row_blocks.cycles(rows);
      cycles += steps * all + 40 * static_cast<double>(plan.row_blocks.count(rows));
    }
  }
  return cycles * static_cast<double>(layer.out_per_group) / static_cast<double>(plan.chunk.channels);
}

// Cycles of one row of tiles in a strip: `columns` of the input, `count` q.
double strip_cycles(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const Plan& plan, int64_t columns,
                    int64_t count) {
  const Geometry& g = layer.geometry;
  const double lanes = static_cast<double>(kernels.lanes);
  const double kernel = static_cast<double>(g.axis[2].kernel);
  const double stride = static_cast<double>(g.axis[2].stride);
  const bool nhwc = layer.description.layout == Layout::nhwc;
  const double input_vectors = static_cast<double>(ceil_div(columns, static_cast<int64_t>(kernels.lanes)));
  const double output_vectors = static_cast<double>(count) / lanes;
  const double steps = static_cast<double>(layer.phases[0].most_taps() * layer.in_per_group);
  const double pairs = static_cast<double>(layer.axis(1).stride * layer.out_per_group);
  const double read = steps * static_cast<double>(plan.y.outputs) * input_vectors;  // new vectors of the input
  const bool far = static_cast<double>(g.input_span) * sizeof(float) > static_cast<double>(options.cache.l2);
  // Vectors of a whole cache line wait for what they load and store.
  const double wide = lanes > 8 ? 1.35 : 1;
  double cycles = product_cycles(layer, kernels, plan, columns, steps);
  cycles += steps * (wide * input_vectors * input_cycles(plan.y.points) + 20);
  const double loaded = steps * static_cast<double>(plan.y.points) * input_vectors;
  if (plan.input == InputPath::pixels) {
    cycles += wide * loaded * lanes * (far ? 0.2 : 0.15);
  } else if (plan.input == InputPath::ring) {
    cycles += read * (nhwc ? lanes * (far ? 0.6 : 0.5) : 3.0);
  } else if (far && columns == g.axis[2].input) {
    // Short rows far apart come at about 13 bytes a cycle from behind L2.
    cycles += read * lanes * sizeof(float) / 13;
  } else if (far) {
    // Parts of them do so later, and those that tiles share come again.
    cycles += loaded * lanes * sizeof(float) / 6;
  }
  cycles +=
      static_cast<double>(plan.y.products * layer.out_per_group) * (wide * output_vectors * (0.75 * kernel + 2 * stride + 2) + 30);
  cycles += pairs * (wide * output_vectors * stride * output_cycles(plan.y.points, plan.y.outputs) + 60);
  cycles += nhwc && layer.out_per_group > 1 ? 0.8 * pairs * stride * static_cast<double>(plan.y.outputs * count) : 0;
  // Every row of tiles reads the weights of its group.
  const double weights = group_weights(layer, static_cast<double>(plan.y.products)) * sizeof(float);
  return cycles + stream_cycles(options.cache, weights);
}

double cycles_of(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const Plan& plan) {
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  const double tiles = static_cast<double>(layer.description.batch * layer.description.groups * g.output[0] * plan.y.residues) *
                       static_cast<double>(plan.y.tiles);
  const int64_t q_count = ceil_div(g.output[2], x.stride);
  // All strips but the first and the last are alike.
  const auto strip = [&](int64_t q) {
    const int64_t count = std::min(plan.strip, q_count - q);
    const int64_t begin = std::clamp<int64_t>(q - plan.largest_shift, 0, x.input);
    const int64_t end = std::clamp<int64_t>(q - plan.largest_shift + count + plan.reach, begin, x.input);
    return strip_cycles(layer, kernels, options, plan, end - begin, count);
  };
  const int64_t strips = ceil_div(q_count, plan.strip);
  double cycles = strip(0);
  if (strips > 2) cycles += static_cast<double>(strips - 2) * strip(plan.strip);
  if (strips > 1) cycles += strip((strips - 1) * plan.strip);
  cycles = tiles * cycles + 200 * tiles * static_cast<double>(plan.y.points);
  const double input = static_cast<double>(g.input_elements);
  const double output = static_cast<double>(g.output_elements);
  const bool nhwc = layer.description.layout == Layout::nhwc;
  // More than four phases of x are added up and stored one by one.
  if (x.stride > arch::KernelTable::max_overlap_phases) cycles += (nhwc ? 6 : 4.5) * output;
  // Beyond L2 rows are waited for; of wide vectors that was counted.
  const bool near = (input + output) * sizeof(float) <= static_cast<double>(options.cache.l2);
  return near ? cycles : cycles + (kernels.lanes > 8 ? 0.5 : 1) * (1.2 * output + (nhwc ? 0.6 : 0.3) * input);
}

// Calls f(variant) for every variant that the options and the kernel let through.
template <typename Function>
void each_variant(const Layer& layer, const Options& options, const Function& f) {
  const int64_t allowed = allowed_points(options.winograd);
  for (Grid grid : {Grid::inputs, Grid::outputs}) {
    if (options.winograd.grid != Grid::automatic && options.winograd.grid != grid) continue;
    if (!winograd::domain_exists(layer, 1, grid)) continue;
    Variant variant{grid, winograd::domain_taps(layer, 1, grid), 0};
    if (variant.taps < 2) continue;
    for (int64_t m = 2; m + variant.taps - 1 <= allowed; ++m) {
      if (options.winograd.outputs != 0 && options.winograd.outputs != m) continue;
      variant.outputs = m;
      f(variant);
    }
  }
}

// The cheapest variant; infinity when there is none.
double choose_variant(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Variant* best) {
  double least = std::numeric_limits<double>::infinity();
  const auto consider = [&](const Variant& variant) {
    Plan plan;
    if (!shape_variant(layer, kernels, options, variant, &plan)) return;
    const double cycles = cycles_of(layer, kernels, options, plan);
    if (cycles < least) {
      least = cycles;
      *best = variant;
    }
  };
  each_variant(layer, options, consider);
  if (best->outputs == 0 && options.winograd.grid == Grid::outputs) {  // the padding leaves it no domain: the other one does
    Options other = options;
    other.winograd.grid = Grid::inputs;
    each_variant(layer, other, consider);
  }
  return least;
}

}  // namespace

// Strips reach as far as the taps of x do; taps far apart would make them reach over little else. So with tiles and the taps of y.
bool supports(const Layer& layer, const Options& options) {
  if (!layer.finite_weights || options.max_workspace_bytes < smallest_workspace) return false;
  if (most_reach(layer, 1) > longest || most_reach(layer, 2) > longest || layer.axis(2).stride > longest) return false;
  if (!layer.phases[1].all_live() || !winograd::domain_exists(layer, 1, Grid::inputs)) return false;
  const int64_t taps = winograd::domain_taps(layer, 1, Grid::inputs);
  const int64_t outputs = options.winograd.outputs != 0 ? options.winograd.outputs : 2;
  const int64_t points = outputs + taps - 1;
  if (taps < 2 || outputs < 2 || points > allowed_points(options.winograd)) return false;
  int64_t products = 0;
  for (const LivePhase& phase : layer.phases[1].live) products += phase.taps < taps ? points - 1 : points;
  Plan smallest;
  smallest.y.points = points;
  smallest.y.outputs = outputs;
  smallest.input = choose_path(layer, smallest.y);
  return weights_fit(layer, options, products) && fits_any_shape(layer, options, 2 * most_lanes, most_lanes, &smallest);
}

double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  Variant variant;
  return choose_variant(layer, kernels, options, &variant) + pixels_apart_cycles(layer);
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  Variant variant;
  choose_variant(layer, kernels, options, &variant);
  if (variant.outputs == 0) {
    return Status::error(
        StatusCode::unsupported,
        "algorithm = planar_winograd: no variant keeps to its accuracy, max_packed_bytes = %zu and max_workspace_bytes = %zu",
        options.max_packed_bytes, options.max_workspace_bytes);
  }
  if (!shape_variant(layer, kernels, options, variant, plan)) return no_memory;
  const int64_t kernel = layer.axis(2).kernel;
  if (!plan->x_taps.allocate(static_cast<size_t>(kernel))) return no_memory;
  if (!pack_weights(layer, weights, plan)) return no_memory;
  const size_t channels = static_cast<size_t>(layer.description.out_channels);
  if (!plan->bias.allocate(channels)) return no_memory;
  if (bias != nullptr) std::memcpy(plan->bias.data(), bias, channels * sizeof(float));
  if (layer.description.activation.kind == ActivationKind::prelu) {
    if (!plan->slopes.allocate(channels)) return no_memory;
    std::memcpy(plan->slopes.data(), layer.description.activation.slopes, channels * sizeof(float));
  }
  return reshape(layer, kernels, options, plan);
}

Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const Axis& x = layer.axis(2);
  winograd::place_domain(layer, 1, &plan->y);
  place_taps(layer, plan);
  for (int64_t t = 0; t < x.kernel; ++t) {
    const int64_t at = x.dilation * t - x.pad_begin;
    const int64_t shift = floor_div(at, x.stride);
    plan->x_taps[static_cast<size_t>(t)] = {at - shift * x.stride, shift};
  }
  place_strips(layer, kernels, options, plan);
  place_asking(layer, kernels, options, plan);
  return {};
}

size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan& plan) {
  return static_cast<size_t>(plan.workspace.floats()) * sizeof(float);
}

size_t packed_bytes(const Plan& plan) {
  return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes() + plan.x_taps.bytes() + plan.z_weights_at.bytes() +
         plan.y.phase.bytes();
}

void describe(const Plan& plan, char* text, size_t size) {
  std::snprintf(text, size, "F(%d,%d) along y", static_cast<int>(plan.y.outputs), static_cast<int>(plan.y.taps));
}

}  // namespace tconv::planar_winograd
