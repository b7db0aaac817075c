#include <algorithm>

#include "arch/cook_toom.hpp"
#include "planar_winograd.hpp"

namespace tconv::planar_winograd {

using winograd::PhaseDomain;

int64_t active_phases(const Plan& plan, int64_t first, int64_t last, int64_t point) {
  int64_t active = 0;
  for (int64_t i = first; i < last; ++i) {
    const PhaseDomain& phase = plan.y.phase[static_cast<size_t>(i)];
    active += phase.first_point <= point && point < phase.last_point ? 1 : 0;
  }
  return active;
}

namespace {

// Weights of one (z, chunk): [point][block of rows][jz][ci][row of block]; returns the end.
float* pack_chunk(const Layer& layer, const Plan& plan, int64_t group, const LivePhase& z, int64_t first_phase,
                  int64_t first_channel, const float* weights, float* packed) {
  const int64_t kernel = layer.axis(2).kernel;
  const int64_t last_phase = std::min(layer.axis(1).stride, first_phase + plan.chunk.phases);
  const int64_t channels = std::min(plan.chunk.channels, layer.out_per_group - first_channel);
  const int domain_points = static_cast<int>(plan.y.points);
  const int domain_taps = static_cast<int>(plan.y.taps);
  for (int64_t point = 0; point < plan.y.points; ++point) {
    const int64_t rows = active_phases(plan, first_phase, last_phase, point) * channels * kernel;
    plan.row_blocks.each(rows, [&](int64_t begin, int64_t size) {
      for (int64_t jz = 0; jz < z.taps; ++jz) {
        for (int64_t ci = 0; ci < layer.in_per_group; ++ci) {
          int64_t row = 0;
          for (int64_t i = first_phase; i < last_phase; ++i) {
            const PhaseDomain& phase = plan.y.phase[static_cast<size_t>(i)];
            if (point < phase.first_point || point >= phase.last_point) continue;
            const LivePhase& y = layer.phases[1].live[static_cast<size_t>(i)];
            for (int64_t c = 0; c < channels; ++c) {
              for (int64_t t = 0; t < kernel; ++t, ++row) {
                if (row < begin || row >= begin + size) continue;
                double sum = 0;
                for (int64_t jy = 0; jy < y.taps; ++jy) {
                  const int64_t tap[max_rank] = {z.first_tap + jz * layer.phases[0].tap_step,
                                                 y.first_tap + jy * layer.phases[1].tap_step, t};
                  sum += arch::weight_transform(domain_points, domain_taps, static_cast<int>(point),
                                                static_cast<int>(phase.last_tap - jy)) *
                         static_cast<double>(weights[weight_index(layer, group, ci, first_channel + c, tap)]);
                }
                *packed++ = static_cast<float>(sum);
              }
            }
          }
        }
      }
    });
  }
  return packed;
}

}  // namespace

bool pack_weights(const Layer& layer, const float* weights, Plan* plan) {
  const AxisPhases& z = layer.phases[0];
  if (!plan->z_weights_at.allocate(z.live.size())) return false;
  int64_t at = 0;
  for (size_t i = 0; i < z.live.size(); ++i) {
    plan->z_weights_at[i] = at;
    at += z.live[i].taps * layer.in_per_group * plan->y.products * layer.out_per_group * layer.axis(2).kernel;
  }
  plan->group_weights = at;
  if (!plan->weights.allocate(static_cast<size_t>(at * layer.description.groups))) return false;
  float* packed = plan->weights.data();
  for (int64_t group = 0; group < layer.description.groups; ++group) {
    for (const LivePhase& zp : z.live) {
      for (int64_t phase = 0; phase < layer.axis(1).stride; phase += plan->chunk.phases) {
        for (int64_t channel = 0; channel < layer.out_per_group; channel += plan->chunk.channels) {
          packed = pack_chunk(layer, *plan, group, zp, phase, channel, weights, packed);
        }
      }
    }
  }
  return true;
}

}  // namespace tconv::planar_winograd
