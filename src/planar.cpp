#include "planar.hpp"

#include <algorithm>

#include "checked.hpp"

namespace tconv::planar {
namespace {

// Interleaved in registers up to this many phases.
constexpr int64_t most_interleaved = 4;

bool live_groups(const Layer& layer, Buffer<PhaseGroup>* live) {
  Buffer<PhaseGroup> all;
  if (!group_phases(layer.phases[2], 0, layer.phases[2].stride, &all) || !live->allocate(all.size())) return false;
  size_t n = 0;
  for (const PhaseGroup& group : all) {
    if (group.taps != 0) (*live)[n++] = group;
  }
  live->shrink(n);
  return true;
}

int64_t largest_group(const Buffer<PhaseGroup>& groups) {
  int64_t largest = 1;
  for (const PhaseGroup& group : groups) largest = std::max(largest, group.count);
  return largest;
}

int64_t most_taps(const AxisPhases& phases) {
  int64_t taps = 0;
  for (const LivePhase& phase : phases.live) taps = std::max(taps, phase.taps);
  return taps;
}

// The weights of one x group, chunk by chunk and row block by row block; returns the end.
float* pack_group(const Layer& layer, const Plan& plan, int64_t block_rows, int64_t channel_group, const LivePhase& z,
                  const LivePhase& y, const PhaseGroup& group, const float* weights, float* packed) {
  const AxisPhases* const phases = layer.phases;
  for (int64_t c = 0; c < plan.chunks; ++c) {
    const Chunk chunk = chunk_of(layer, plan, c);
    const int64_t channels = chunk.end - chunk.begin;
    const int64_t rows = group.count * channels;
    const int64_t blocks = row_blocks(rows, block_rows);
    for (int64_t b = 0; b < blocks; ++b) {
      const Chunk block = row_block_of(rows, blocks, b);
      for (int64_t jz = 0; jz < z.taps; ++jz) {
        for (int64_t jy = 0; jy < y.taps; ++jy) {
          for (int64_t jx = 0; jx < group.taps; ++jx) {
            for (int64_t ci = 0; ci < layer.in_per_group; ++ci) {
              for (int64_t row = block.begin; row < block.end; ++row) {
                const LivePhase& x = *phases[2].find(group.first + row / channels);
                const int64_t tap[max_rank] = {z.first_tap + jz * phases[0].tap_step, y.first_tap + jy * phases[1].tap_step,
                                               x.first_tap + jx * phases[2].tap_step};
                *packed++ = weights[weight_index(layer, channel_group, ci, chunk.begin + row % channels, tap)];
              }
            }
          }
        }
      }
    }
  }
  return packed;
}

bool plan_weights(const Layer& layer, Plan* plan) {
  const AxisPhases& z = layer.phases[0];
  const AxisPhases& y = layer.phases[1];
  if (!plan->weights_at.allocate(z.live.size() * y.live.size() * plan->groups.size())) return false;
  int64_t at = 0;
  size_t i = 0;
  for (const LivePhase& zp : z.live) {
    for (const LivePhase& yp : y.live) {
      for (const PhaseGroup& group : plan->groups) {
        plan->weights_at[i++] = at;
        at += zp.taps * yp.taps * group.taps * layer.in_per_group * group.count * layer.out_per_group;
      }
    }
  }
  plan->group_weights = at;
  return plan->weights.allocate(static_cast<size_t>(at * layer.description.groups));
}

}  // namespace

// Copied rows have zeros as far as the taps reach; taps far apart (a huge dilation) would copy little else.
bool supports(const Layer& layer) {
  int64_t reach = 0;
  for (const LivePhase& phase : layer.phases[2].live) {
    reach = std::max(reach, phase.input_offset + (phase.taps - 1) * layer.phases[2].input_step);
  }
  return layer.description.layout == Layout::nchw && layer.finite_weights && reach <= 65536;
}

double estimate(const Layer& layer, const arch::KernelTable& kernels, const CacheSizes& cache) {
  Buffer<PhaseGroup> groups;
  if (!live_groups(layer, &groups)) return 0;
  const Geometry& g = layer.geometry;
  const int64_t block_rows = static_cast<int64_t>(kernels.planar_rows);
  const double vectors = static_cast<double>(kernels.planar_vectors);
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  const int64_t chunk = std::max<int64_t>(1, block_rows / largest_group(groups));
  const int64_t chunks = ceil_div(layer.out_per_group, chunk);
  // Per step of the sum: multiply-adds, loads (vectors of x straddle cache lines) or latency, as in window GEMM; and x from L2 when
  // a block of it does not stay in L1.
  const double x_bytes = static_cast<double>(layer.in_per_group * g.axis[0].kernel * g.axis[1].kernel * block) * sizeof(float);
  const double from_l2 = x_bytes > static_cast<double>(cache.l1) ? vectors * static_cast<double>(kernels.lanes) / 8 : 0;
  double per_block = 0;  // of q, per (z, y) tap and input channel
  for (const PhaseGroup& group : groups) {
    const int64_t rows = group.count * ceil_div(layer.out_per_group, chunks);
    const int64_t blocks = row_blocks(rows, block_rows);
    const double r = static_cast<double>(rows) / static_cast<double>(blocks);
    const double step = std::max({r * vectors / 2, (r + 1.5 * vectors) / 2, 4.0}) + from_l2;
    per_block += static_cast<double>(group.taps * chunks * blocks) * step;
  }
  const double lines = static_cast<double>(layer.description.batch * layer.description.groups * g.axis[0].input * g.axis[1].input *
                                           g.axis[0].kernel * g.axis[1].kernel * layer.in_per_group);
  const double multiply = lines * static_cast<double>(ceil_div(g.axis[2].input, block)) * per_block;
  // Copies move a vector in about two cycles, once for each y-phase; T is written, finished, and interleaved.
  const double copies = static_cast<double>(g.input_elements * g.axis[1].stride) * 2 / static_cast<double>(kernels.lanes);
  const double stores = static_cast<double>(g.output_elements) * 5 / static_cast<double>(kernels.lanes);
  return multiply + copies + stores;
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const CacheSizes& cache, const float* weights,
              const float* bias, Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  if (!live_groups(layer, &plan->groups)) return no_memory;
  const int64_t block_rows = static_cast<int64_t>(kernels.planar_rows);
  const int64_t chunk = std::max<int64_t>(1, block_rows / largest_group(plan->groups));
  plan->chunks = ceil_div(layer.out_per_group, chunk);
  plan->slot_per_phase = layer.phases[2].stride <= most_interleaved;
  plan->slots = plan->slot_per_phase ? layer.phases[2].stride : static_cast<int64_t>(layer.phases[2].live.size());
  if (!plan_weights(layer, plan)) return no_memory;
  for (int64_t channel_group = 0; channel_group < layer.description.groups; ++channel_group) {
    float* packed = plan->weights.data() + channel_group * plan->group_weights;
    for (const LivePhase& z : layer.phases[0].live) {
      for (const LivePhase& y : layer.phases[1].live) {
        for (const PhaseGroup& group : plan->groups) {
          packed = pack_group(layer, *plan, block_rows, channel_group, z, y, group, weights, packed);
        }
      }
    }
  }
  const size_t channels = static_cast<size_t>(layer.description.out_channels);
  if (!plan->bias.allocate(channels)) return no_memory;
  if (bias != nullptr) std::memcpy(plan->bias.data(), bias, channels * sizeof(float));
  if (layer.description.activation.kind == ActivationKind::prelu) {
    if (!plan->slopes.allocate(channels)) return no_memory;
    std::memcpy(plan->slopes.data(), layer.description.activation.slopes, channels * sizeof(float));
  }
  return reshape(layer, kernels, cache, plan);
}

Status reshape(const Layer& layer, const arch::KernelTable& kernels, const CacheSizes& cache, Plan* plan) {
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  const Axis& y = g.axis[1];
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t block = lanes * static_cast<int64_t>(kernels.planar_vectors);
  int64_t reach = 0;
  for (const PhaseGroup& group : plan->groups) {
    reach = std::max(reach, group.input_offset + (group.taps - 1) * layer.phases[2].input_step);
  }
  plan->window_first = reach;
  const int64_t q_count = floor_div(g.output[2] - 1 + x.pad_begin, x.stride) - x.pad_begin / x.stride + 1;

  // A task's copies should stay in half of L2: shorten the strip first, then the rows.
  const int64_t z_rows = std::min(g.axis[0].input, most_taps(layer.phases[0]));
  const int64_t y_reach = (most_taps(layer.phases[1]) - 1) * layer.phases[1].input_step;
  const int64_t row_channels = z_rows * layer.in_per_group;
  const int64_t affordable = static_cast<int64_t>(cache.l2 / 2 / sizeof(float)) / row_channels;  // floats per channel row, all rows
  const int64_t wanted_rows = std::min<int64_t>(ceil_div(g.output[1], y.stride), y_reach + 4);
  const int64_t longest = std::max(block, (affordable / (wanted_rows + y_reach) - reach) / block * block);
  const int64_t strips = ceil_div(q_count, longest);
  plan->strip = ceil_div(ceil_div(q_count, strips), block) * block;
  plan->row_pitch = ceil_div(plan->strip + reach, lanes) * lanes;
  if (plan->row_pitch % 256 == 0) plan->row_pitch += lanes;  // neighbouring channels must not share a cache set
  plan->rows_per_task = std::clamp<int64_t>(affordable / plan->row_pitch - y_reach, 1, ceil_div(g.output[1], y.stride));
  plan->copied_rows = z_rows * std::min(y.input, plan->rows_per_task + y_reach);
  plan->segments = most_taps(layer.phases[0]) * most_taps(layer.phases[1]) * most_taps(layer.phases[2]);
  return {};
}

size_t packed_bytes(const Plan& plan) { return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes(); }

}  // namespace tconv::planar
