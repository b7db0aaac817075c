#include "planar.hpp"

#include <algorithm>
#include <cstring>

#include "checked.hpp"
#include "group_pixels.hpp"
#include "planar_bands.hpp"
#include "planar_sums.hpp"

namespace tconv::planar {
namespace {

// Largest difference of the shifts of two taps.
int64_t most_reach(const Layer& layer) { return layer.axis(2).dilation * (layer.axis(2).kernel - 1) / layer.axis(2).stride + 1; }

void place_taps(const Layer& layer, Plan* plan) {
  const Axis& x = layer.axis(2);
  for (int64_t t = 0; t < x.kernel; ++t) {
    const int64_t at = x.dilation * t - x.pad_begin;
    const int64_t shift = floor_div(at, x.stride);
    plan->x_taps[static_cast<size_t>(t)] = {at - shift * x.stride, shift};
  }
  plan->largest_shift = plan->x_taps[static_cast<size_t>(x.kernel - 1)].shift;
  plan->reach = plan->largest_shift - plan->x_taps[0].shift;
}

// The taps of x lie beside each other in the output: no phase is dead, none has two taps.
bool taps_tile(const Layer& layer) {
  const Axis& x = layer.axis(2);
  return layer.in_per_group != 1 && x.kernel == x.stride && x.kernel <= arch::KernelTable::max_overlap_phases &&
         (x.dilation == 1 || x.kernel == 1);
}

bool is_direct(const Layer& layer) { return layer.in_per_group == 1; }

// Output channels of a chunk: few, so that T stays in L1, but enough to fill whole blocks of rows; of two that fill them as well
// the more, which share calls and, in NHWC, lines of the output.
int64_t choose_chunk(const Layer& layer, const arch::KernelTable& kernels) {
  const int64_t block = static_cast<int64_t>(kernels.planar_rows);
  const int64_t kernel = layer.axis(2).kernel;
  if (taps_tile(layer)) {
    const int64_t most = std::max<int64_t>(1, block / kernel);
    return ceil_div(layer.out_per_group, ceil_div(layer.out_per_group, most));
  }
  int64_t best = 1;
  double best_fill = 0;
  const RowBlocks blocks(kernels);
  for (int64_t channels = 1; channels <= std::min<int64_t>(block, layer.out_per_group); ++channels) {
    const int64_t rows = channels * kernel;
    if (channels > 1 && rows > 4 * block) break;
    const double fill = blocks.fill(rows);
    if (fill > 0.99 * best_fill) {
      best = channels;
      best_fill = fill;
    }
  }
  return best;
}

bool plan_weights(const Layer& layer, Plan* plan) {
  const AxisPhases& z = layer.phases[0];
  const AxisPhases& y = layer.phases[1];
  if (!plan->weights_at.allocate(z.live.size() * y.live.size())) return false;
  int64_t at = 0;
  size_t i = 0;
  for (const LivePhase& zp : z.live) {
    for (const LivePhase& yp : y.live) {
      plan->weights_at[i++] = at;
      at += zp.taps * yp.taps * layer.in_per_group * layer.out_per_group * layer.axis(2).kernel;
    }
  }
  plan->group_weights = at;
  return plan->weights.allocate(static_cast<size_t>(at * layer.description.groups));
}

// The weights of one (z, y) phase; returns the end.
float* pack_phase(const Layer& layer, const Plan& plan, int64_t group, const LivePhase& z, const LivePhase& y, const float* weights,
                  float* packed) {
  const int64_t kernel = layer.axis(2).kernel;
  for (int64_t first = 0; first < layer.out_per_group; first += plan.chunk_channels) {
    const int64_t rows = std::min(plan.chunk_channels, layer.out_per_group - first) * kernel;
    plan.row_blocks.each(rows, [&](int64_t begin, int64_t size) {
      for (int64_t jz = 0; jz < z.taps; ++jz) {
        for (int64_t jy = 0; jy < y.taps; ++jy) {
          for (int64_t ci = 0; ci < layer.in_per_group; ++ci) {
            for (int64_t row = begin; row < begin + size; ++row) {
              const int64_t tap[max_rank] = {z.first_tap + jz * layer.phases[0].tap_step,
                                             y.first_tap + jy * layer.phases[1].tap_step, row % kernel};
              *packed++ = weights[weight_index(layer, group, ci, first + row / kernel, tap)];
            }
          }
        }
      }
    });
  }
  return packed;
}

}  // namespace

InputRows input_rows(const Layer& layer) {
  const Axis& y = layer.axis(1);
  InputRows rows{INT64_MAX, INT64_MIN};
  for (const LivePhase& phase : layer.phases[1].live) {
    const int64_t q = y.pad_begin / y.stride + (phase.index < y.pad_begin % y.stride ? 1 : 0);
    const int64_t last = q - phase.input_offset;
    rows.first = std::min(rows.first, last - (phase.taps - 1) * layer.phases[1].input_step);
    rows.last = std::max(rows.last, last);
  }
  return rows;
}

// Are the rows of all channels, read where they lie, good to read `times` times? Many of them would fall into few sets of L1, or
// each into a page of its own.
bool good_in_place(const Layer& layer, int64_t times, const Options& options) {
  if (layer.description.layout != Layout::nchw || layer.has_input_activation()) return false;
  if (times <= 1) return true;
  if (layer.in_per_group > 64) return false;
  return !planes_share_sets(layer, options);
}

// The same for one layer: each row passes by for all its taps and blocks of rows of T.
bool is_good_in_place(const Layer& layer, const RowBlocks& blocks, int64_t chunk_channels, const Options& options) {
  const int64_t taps = layer.axis(0).kernel * layer.axis(1).kernel;
  const int64_t chunks = ceil_div(layer.out_per_group, chunk_channels);
  return good_in_place(layer, taps * chunks * blocks.count(chunk_channels * layer.axis(2).kernel), options);
}

// Strips reach as far as the taps do; taps far apart (a huge dilation) would make them reach over little else.
bool supports(const Layer& layer, const Options&) { return layer.finite_weights && most_reach(layer) <= 65536; }

// Cycles, beside those of the inner loops (src/plan.hpp), measured:
constexpr double transposed = 0.25;      // a number moved between pixels and planes, whole vectors at a time
constexpr double row_overhead = 150;     // an output row
constexpr double call_overhead = 60;     // a kernel called for one row
constexpr double overlap_overhead = 40;  // a row of one channel finished
constexpr double streamed = 20;          // bytes of weights a cycle, where they do not stay in L2
constexpr double stored = 8;             // bytes of outputs a cycle, where they do not stay in L2

double estimate_others(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  const Geometry& g = layer.geometry;
  const double lanes = static_cast<double>(kernels.lanes);
  const double input = static_cast<double>(g.input_elements);
  const double output = static_cast<double>(g.output_elements);
  const bool nhwc = layer.description.layout == Layout::nhwc;
  // Rows that no tap reaches are filled: they cost what their outputs do.
  const double live =
      layer.phases[1].all_live() ? 1 : static_cast<double>(layer.phases[1].live.size()) / static_cast<double>(g.axis[1].stride);
  const double rows = live * static_cast<double>(layer.description.batch * g.output[0] * g.output[1]);
  if (is_direct(layer)) return estimate_direct(layer, kernels, options);
  if (taps_tile_all_axes(layer)) return estimate_tiles(layer, kernels, options);

  // Inputs are copied once for each output plane that meets them, outputs of several channels transposed once.
  double cycles = input * static_cast<double>(g.axis[0].kernel) * (nhwc ? transposed : 2 / lanes);
  if (nhwc && layer.out_per_group > 1)
    cycles += output * (layer.out_per_group <= 4 ? 1.5 * transposed : 4 * transposed) + call_overhead * rows;
  if (output * sizeof(float) > static_cast<double>(options.cache.l2)) cycles += output * sizeof(float) / stored;
  const RowBlocks row_blocks(kernels);
  const double vectors = static_cast<double>(kernels.planar_vectors);
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  const int64_t chunk = choose_chunk(layer, kernels);
  const int64_t t_rows = std::min(chunk, layer.out_per_group) * g.axis[2].kernel;
  const double blocks = static_cast<double>(row_blocks.count(t_rows));
  // Per step of the sum and block of rows: multiply-adds, loads, or latency, as in window GEMM; and x from L2 when a block of it
  // does not stay in L1. A few rows are done for several blocks at once.
  const double x_bytes =
      static_cast<double>(layer.in_per_group * layer.phases[0].most_taps() * layer.phases[1].most_taps() * block) * sizeof(float);
  const double from_l2 = x_bytes > 0.75 * static_cast<double>(options.cache.l1) ? vectors * lanes / 16 : 0;
  const double whole = row_blocks.cycles(t_rows) + blocks * from_l2;
  const double last = row_blocks.cycles_of_vector(t_rows) + blocks * from_l2 / vectors;
  const int64_t rest = g.axis[2].input % block;
  const bool in_place = bands_in_place(layer, kernels) && is_good_in_place(layer, row_blocks, chunk, options);
  const Bands bands = taps_tile(layer) ? Bands{} : choose_bands(layer, kernels, options, chunk, in_place);
  const double columns = bands.periods != 0 ? static_cast<double>(g.axis[2].input) / static_cast<double>(block) * whole
                                            : static_cast<double>(g.axis[2].input / block) * whole +
                                                  (rest == 0                                     ? 0
                                                   : rest <= static_cast<int64_t>(kernels.lanes) ? last
                                                                                                 : whole);
  const double lines = static_cast<double>(layer.description.batch * g.axis[0].input * g.axis[1].input * g.axis[0].kernel *
                                           g.axis[1].kernel * layer.description.in_channels);
  const double chunks = static_cast<double>(ceil_div(layer.out_per_group, chunk));
  cycles += lines * chunks * columns;
  // Weights pass by once for each row of inputs.
  const double weight_bytes = static_cast<double>(g.weight_elements) * sizeof(float);
  if (weight_bytes > static_cast<double>(options.cache.l2))
    cycles += weight_bytes * static_cast<double>(layer.description.batch * g.axis[0].input * g.axis[1].input) / streamed;
  const double groups = static_cast<double>(layer.description.groups);
  cycles += rows * groups * (bands.periods != 0 ? chunks * bands.row_cycles : row_overhead + call_overhead * chunks * blocks);
  if (taps_tile(layer)) return cycles + 4 * output / lanes;
  // The rows of T that overlap: loads, additions and interleaved stores; more than four phases are stored one by one.
  const double overlaps = static_cast<double>(g.axis[2].kernel) / static_cast<double>(g.axis[2].stride);
  const double channel_rows = rows * static_cast<double>(layer.description.out_channels);
  const bool scatter = g.axis[2].stride > arch::KernelTable::max_overlap_phases;
  const double calls = scatter ? static_cast<double>(std::min(g.axis[2].stride, g.axis[2].kernel)) : 1;
  const double interleaved = g.axis[2].stride > 2 ? 3 : 1;  // cycles a vector
  const double t_bytes = static_cast<double>(t_rows * g.axis[2].input) * sizeof(float);
  const double added = t_bytes > static_cast<double>(options.cache.l1 / 2) ? 3 : 1.5;
  cycles += overlap_overhead * channel_rows * calls + (scatter ? 3 * output : 0) +
            output / lanes * (interleaved + added * std::max(overlaps, 1.0));
  // Beyond L2 rows are waited for.
  const bool near = (input + output) * sizeof(float) <= static_cast<double>(options.cache.l2);
  return near ? cycles : cycles + (0.6 + 0.25 * static_cast<double>(g.axis[0].kernel - 1)) * input;
}

// Are all phases sums in registers, and not rows of T?
bool is_summed(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  return supports_sums(layer) &&
         (is_direct(layer) || estimate_sums(layer, kernels, options) < estimate_others(layer, kernels, options));
}

double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  const bool summed = is_summed(layer, kernels, options);
  return pixels_apart_cycles(layer) + (summed ? estimate_sums(layer, kernels, options) : estimate_others(layer, kernels, options));
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  plan->summed = is_summed(layer, kernels, options);
  plan->tiled = !plan->summed && taps_tile_all_axes(layer);
  if (plan->tiled) {
    if (!create_tiles(layer, kernels, weights, bias, &plan->tiles)) return no_memory;
    return reshape(layer, kernels, options, plan);
  }
  const Axis& x = layer.axis(2);
  if (!plan->x_taps.allocate(static_cast<size_t>(x.kernel))) return no_memory;
  for (int64_t t = 0; t < x.kernel; ++t)
    plan->x_taps[static_cast<size_t>(t)] = {x.dilation * t % x.stride, x.dilation * t / x.stride};
  plan->direct = !plan->summed && is_direct(layer);
  if (plan->summed) {
    if (!create_sums(layer, weights, plan)) return no_memory;
  } else if (plan->direct) {
    plan->chunk_channels = 1;
    const size_t size = static_cast<size_t>(layer.geometry.weight_elements);
    if (!plan->weights.allocate(size)) return no_memory;
    std::memcpy(plan->weights.data(), weights, size * sizeof(float));
  } else {
    plan->chunk_channels = choose_chunk(layer, kernels);
    plan->row_blocks = RowBlocks(kernels);
    if (!plan_weights(layer, plan)) return no_memory;
    for (int64_t group = 0; group < layer.description.groups; ++group) {
      float* packed = plan->weights.data() + group * plan->group_weights;
      for (const LivePhase& z : layer.phases[0].live) {
        for (const LivePhase& y : layer.phases[1].live) {
          packed = pack_phase(layer, *plan, group, z, y, weights, packed);
        }
      }
    }
  }
  plan->chunks = ceil_div(layer.out_per_group, plan->chunk_channels);
  const size_t channels = static_cast<size_t>(layer.description.out_channels);
  if (!plan->bias.allocate(channels)) return no_memory;
  if (bias != nullptr) std::memcpy(plan->bias.data(), bias, channels * sizeof(float));
  if (layer.description.activation.kind == ActivationKind::prelu) {
    if (!plan->slopes.allocate(channels)) return no_memory;
    std::memcpy(plan->slopes.data(), layer.description.activation.slopes, channels * sizeof(float));
  }
  return reshape(layer, kernels, options, plan);
}

void plan_direct(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const Geometry& g = layer.geometry;
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t q_count = ceil_div(g.output[2], g.axis[2].stride);
  const int64_t z_rows = std::min(g.axis[0].input, layer.phases[0].most_taps());
  // Copies stay in a quarter of L2: shorten the strip first, then the rows.
  const int64_t affordable = static_cast<int64_t>(options.cache.l2 / 4 / sizeof(float)) / z_rows;
  const int64_t fewest = plan->last_input - plan->first_input + 1;
  const int64_t strips = ceil_div(q_count, std::max(affordable / fewest - plan->reach, 8 * lanes));
  plan->strip = strips == 1 ? q_count : ceil_div(ceil_div(q_count, strips), lanes) * lanes;
  // Rows that overlap are read in whole vectors from any q of the strip on.
  plan->t_pitch = ceil_div(plan->strip, lanes) * lanes + plan->reach;
  const int64_t rows = std::clamp<int64_t>(affordable / plan->t_pitch, fewest, g.axis[1].input + fewest);
  plan->periods_per_block = std::min(rows - fewest + 1, ceil_div(g.output[1], g.axis[1].stride));
  plan->copied_rows = z_rows * std::min(g.axis[1].input, plan->periods_per_block + fewest - 1);
  plan->segments = 0;
  plan->terms = g.axis[2].kernel * layer.phases[0].most_taps() * layer.phases[1].most_taps();
}

Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  if (plan->tiled) {
    reshape_tiles(layer, kernels, options, &plan->tiles);
    return {};
  }
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t block = lanes * static_cast<int64_t>(kernels.planar_vectors);
  const int64_t q_count = ceil_div(g.output[2], x.stride);
  place_taps(layer, plan);
  const InputRows met = input_rows(layer);
  plan->first_input = met.first;
  plan->last_input = met.last;
  if (plan->summed) {
    plan_sums(layer, kernels, options, plan);
    return {};
  }
  if (plan->direct) {
    plan_direct(layer, kernels, options, plan);
    return {};
  }
  plan->fused = taps_tile(layer) && x.pad_begin % x.stride == 0 && !layer.description.residual;
  plan->segments = layer.phases[0].most_taps() * layer.phases[1].most_taps();
  plan->terms = 2 * x.kernel;
  plan->in_place = is_good_in_place(layer, plan->row_blocks, plan->chunk_channels, options);
  const bool bands_stay = plan->in_place && bands_in_place(layer, kernels);
  plan->bands = taps_tile(layer) ? Bands{} : choose_bands(layer, kernels, options, plan->chunk_channels, bands_stay);
  if (plan->bands.periods != 0) plan->in_place = bands_stay;
  const int64_t columns = std::min(q_count, x.input - x.pad_begin / x.stride);
  if (plan->fused && columns < block) plan->in_place = false;

  // The ring of copies should stay in half of L2, and a chunk's rows of T in a quarter.
  const int64_t z_rows = std::min(g.axis[0].input, layer.phases[0].most_taps());
  // A KiB in a row of each channel keeps the hardware's prefetchers busy.
  const int64_t kib = 256;
  const int64_t row = z_rows * layer.in_per_group * x.input;
  plan->ahead =
      layer.description.layout == Layout::nhwc
          ? 1
          : std::clamp<int64_t>(static_cast<int64_t>(options.cache.l2 / 4 / sizeof(float)) / row, 1, ceil_div(kib, x.input));
  plan->ring = std::min(g.axis[1].input, plan->last_input - plan->first_input + plan->ahead);
  const int64_t copies = static_cast<int64_t>(options.cache.l2 / 2 / sizeof(float)) / (plan->ring * z_rows * layer.in_per_group);
  const int64_t rows_of_t = static_cast<int64_t>(options.cache.l2 / 4 / sizeof(float)) / (plan->chunk_channels * x.kernel);
  const int64_t budget = std::min(plan->in_place ? INT64_MAX : copies, plan->fused ? INT64_MAX : rows_of_t);
  const int64_t strips = plan->fused && plan->in_place ? 1 : ceil_div(q_count, std::max(budget - plan->reach, 2 * block));
  plan->strip = strips == 1 || plan->bands.periods != 0 ? q_count : ceil_div(ceil_div(q_count, strips), block) * block;
  const int64_t t_columns =
      plan->bands.periods != 0 ? plan->bands.periods * x.input + 2 * plan->bands.margin : plan->strip + plan->reach;
  const int64_t half_l1 = static_cast<int64_t>(options.cache.l1 / 2 / sizeof(float)) / (plan->segments * layer.in_per_group);
  // Few rows are done for two blocks at once; copies of those may also come from L2, where they lie in order.
  const int64_t pair = 2 * block * plan->segments * layer.in_per_group * static_cast<int64_t>(sizeof(float));
  const bool pairs = !plan->fused && half_l1 < 2 * block &&
                     pair <= static_cast<int64_t>(plan->in_place ? options.cache.l1 / 4 * 3 : options.cache.l2 / 4);
  plan->pass = pairs ? 2 * block : half_l1 < block ? ceil_div(t_columns, block) * block : half_l1 / block * block;
  plan->x_blocks = plan->in_place ? (plan->fused ? 0 : 1) : ceil_div(std::min(x.input, plan->strip + plan->reach), block);
  plan->copied_rows = z_rows * plan->ring;
  // Pixels lie in order. Rows of many channels, each in a page of its own, are better fetched by the copy, a KiB at a time.
  plan->fetches = layer.description.layout == Layout::nhwc &&
                  static_cast<double>(g.input_span) * sizeof(float) > static_cast<double>(options.cache.l2 / 2);
  // Rows that overlap are read up to four vectors from any q of the strip on.
  plan->t_pitch = ceil_div(t_columns, lanes) * lanes + 5 * lanes;
  if (plan->t_pitch % 512 == 0) plan->t_pitch += lanes;  // rows must not share a cache set
  return {};
}

size_t packed_bytes(const Plan& plan) {
  if (plan.tiled) return plan.tiles.weights.bytes() + plan.tiles.bias.bytes() + plan.tiles.slopes.bytes();
  return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes() + plan.x_taps.bytes();
}

}  // namespace tconv::planar
