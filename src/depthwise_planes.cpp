// Depthwise layers in planes (NCHW), vectors along x: input rows are copied between zeros, a block of rows that L1 has room for at
// a time, and all their output rows made from the copies.
#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "depthwise.hpp"
#include "outer_taps.hpp"
#include "period_tasks.hpp"
#include "tasks.hpp"

namespace tconv::depthwise {
namespace {

size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

// The taps of one phase of y, those of the first phase of x first.
struct PhaseTaps {
  size_t first;
  size_t taps[arch::DepthwisePlane::max_phases];
};

size_t list_bytes(const Layer& layer) {
  return rounded(static_cast<size_t>(layer.in_per_group * layer.geometry.taps) * sizeof(arch::DepthwisePlaneTap));
}

size_t phases_bytes(const Layer& layer) {
  return rounded(static_cast<size_t>(std::min(layer.axis(1).stride, layer.output(1))) * sizeof(PhaseTaps));
}

class PlanesTask {
 public:
  PlanesTask(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)),
        lanes_(static_cast<int64_t>(kernels.lanes)) {
    unsigned char* const own = arguments.workspace + slot * workspace_bytes(layer, kernels, plan);
    list_ = reinterpret_cast<arch::DepthwisePlaneTap*>(own);
    phases_ = reinterpret_cast<PhaseTaps*>(own + list_bytes(layer));
    rows_ = reinterpret_cast<float*>(own + list_bytes(layer) + phases_bytes(layer));
    // What lies beside the rows stays zero.
    std::memset(rows_, 0, static_cast<size_t>(plan.input_floats) * sizeof(float));
    work_.phases = plan.phases.size();
    work_.columns = static_cast<size_t>(layer.output(2));
    const arch::DepthwisePhase* const phase = plan.phases.data();
    if (work_.phases == 2 && layer.axis(2).stride == 2 && layer.axis(2).dilation == 1 && phase[0].taps != 0 && phase[1].taps != 0) {
      work_.pair_taps = phase[0].taps + phase[1].taps;
      work_.pair_first = phase[0].first;
    }
    work_.x = rows_ + plan.planes.left;
    work_.beyond_l2 = plan.beyond_l2;
    work_.x_row_stride = plan.planes.pitch;
    work_.epilogue = fused_epilogue(layer.description.activation);
  }

  void run(const PeriodTask& task) {
    task_ = task;
    copied_group_ = -1;
    z_ = outer_taps(layer_, 0, task.plane);
    size_t listed = 0;
    for (int64_t phase = 0; phase < std::min(layer_.axis(1).stride, layer_.output(1)); ++phase)
      listed = list_taps(phase, listed, &phases_[phase]);
    const int64_t first = task.first_chunk * chunk_channels;
    const int64_t last = std::min(task.last_chunk * chunk_channels, layer_.description.out_channels);
    for (int64_t channel = first; channel < last; ++channel) {
      work_.w = plan_.weights.data() + channel / lanes_ * layer_.in_per_group * layer_.geometry.taps * lanes_ + channel % lanes_;
      work_.bias = plan_.bias.data()[channel];
      if (plan_.slopes.size() != 0) work_.slope = plan_.slopes.data()[channel];
      for (int64_t period = task.first; period < task.last; period += plan_.periods_per_block) {
        const int64_t end = std::min(task.last, period + plan_.periods_per_block);
        if (plan_.planes.in_place) {
          work_.x = input_row(channel / layer_.out_per_group, plan_.first_input + period);
        } else {
          copy_rows(channel / layer_.out_per_group, period, end);
        }
        block(channel, period, end);
      }
    }
  }

 private:
  // The output rows of the periods [begin, end).
  void block(int64_t channel, int64_t begin, int64_t end) {
    const Geometry& g = layer_.geometry;
    const int64_t stride = g.axis[1].stride;
    const int64_t phases = std::min(stride, g.output[1]);
    const int64_t row = begin * stride;
    const auto plane = [&](auto* base, const Pitch& p) {
      return base + task_.image * p.batch + channel * p.channel + task_.plane * p.plane + row * p.row;
    };
    float* const y = plane(arguments_.output, g.output_pitch);
    const float* const residual = arguments_.residual != nullptr ? plane(arguments_.residual, g.residual_pitch) : nullptr;
    for (int64_t phase = 0; phase < phases; ++phase) {
      const int64_t rows = std::min(end - begin, ceil_div(g.output[1] - row - phase, stride));
      if (rows <= 0) break;
      work_.tap = list_ + phases_[phase].first;
      for (size_t i = 0; i < work_.phases; ++i) work_.taps[i] = phases_[phase].taps[i];
      work_.rows = static_cast<size_t>(rows);
      work_.y = y + phase * g.output_pitch.row;
      work_.y_row_stride = neighbour_distance(rows, stride, g.output_pitch.row);
      if (residual != nullptr) {
        work_.residual = residual + phase * g.residual_pitch.row;
        work_.residual_row_stride = neighbour_distance(rows, stride, g.residual_pitch.row);
      }
      kernels_.depthwise_planes(work_);
    }
    if (activation_ == nullptr) return;
    for (int64_t i = 0; i < std::min((end - begin) * stride, g.output[1] - row); ++i)
      activation_(y + i * g.output_pitch.row, work_.columns, layer_.description.activation.alpha);
  }

  // Of the plane that the only tap of z meets; where it meets none, nothing is read.
  const float* input_row(int64_t channel, int64_t row) const {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const int64_t plane = z_.phase != nullptr ? std::clamp<int64_t>(z_.input(0), 0, layer_.axis(0).input - 1) : 0;
    return arguments_.input + task_.image * pitch.batch + channel * pitch.channel + plane * pitch.plane + row * pitch.row;
  }

  // The input rows that the periods [begin, end) meet, of each plane of a group that does, and zeros for those beside the image.
  void copy_rows(int64_t group, int64_t begin, int64_t end) {
    if (group == copied_group_ && begin == copied_begin_) return;
    copied_group_ = group;
    copied_begin_ = begin;
    const Geometry& g = layer_.geometry;
    const Pitch& pitch = g.input_pitch;
    const int64_t from = plan_.first_input + begin;
    const int64_t to = plan_.last_input + end;
    const int64_t first = std::clamp<int64_t>(from, 0, g.axis[1].input);
    const int64_t last = std::clamp<int64_t>(to, first, g.axis[1].input);
    const float* const input =
        arguments_.input + task_.image * pitch.batch + group * layer_.in_per_group * pitch.channel + first * pitch.row;
    float* rows = rows_;
    // Taps of z that meet the image follow each other.
    for (int64_t jz = z_.taps - 1; jz >= 0; --jz) {
      const int64_t iz = z_.input(jz);
      if (iz < 0 || iz >= g.axis[0].input) continue;
      for (int64_t i = 0; i < layer_.in_per_group; ++i) {
        zeros(rows, 0, std::min(first, to) - from);
        if (first < last) {
          kernels_.depthwise_copy(input + iz * pitch.plane + i * pitch.channel, neighbour_distance(last - first, 1, pitch.row),
                                  static_cast<size_t>(last - first), static_cast<size_t>(g.axis[2].input),
                                  rows + (first - from) * plan_.planes.pitch + plan_.planes.left, plan_.planes.pitch);
        }
        zeros(rows, std::max(last, from) - from, to - from);
        rows += plan_.planes.plane;
      }
    }
  }

  void zeros(float* rows, int64_t begin, int64_t end) const {
    const int64_t pitch = plan_.planes.pitch;
    if (begin < end) std::memset(rows + begin * pitch, 0, static_cast<size_t>((end - begin) * pitch) * sizeof(float));
  }

  // Taps that lead to rows beside the image are among them. Returns where the list ends.
  size_t list_taps(int64_t number, size_t end, PhaseTaps* taps) const {
    const Geometry& g = layer_.geometry;
    const AxisPhases* const axes = layer_.phases;
    const OutputPhase outputs = output_phase(g.axis[1], g.output[1], number);
    const LivePhase* const y = axes[1].find(outputs.index);
    *taps = {};
    taps->first = end;
    if (z_.phase == nullptr || y == nullptr) return end;
    for (size_t i = 0; i < plan_.phases.size(); ++i) {
      const arch::DepthwisePhase& x = plan_.phases.data()[i];
      const size_t begin = end;
      int64_t planes = 0;
      for (int64_t jz = z_.taps - 1; jz >= 0; --jz) {
        const int64_t iz = z_.input(jz);
        if (iz < 0 || iz >= g.axis[0].input) continue;
        const int64_t tz = z_.phase->first_tap + jz * axes[0].tap_step;
        for (int64_t input = 0; input < layer_.in_per_group; ++input, ++planes) {
          for (int64_t jy = 0; jy < y->taps; ++jy) {
            const int64_t row = outputs.q - y->input_offset - jy * axes[1].input_step - plan_.first_input;
            const int64_t at = planes * plan_.planes.plane + row * plan_.planes.pitch + x.shift;
            const int64_t w = input * g.taps + (tz * g.axis[1].kernel + y->first_tap + jy * axes[1].tap_step) * g.axis[2].kernel;
            for (int64_t jx = 0; jx < static_cast<int64_t>(x.taps); ++jx) {
              list_[end++] = {static_cast<ptrdiff_t>(at - jx * axes[2].input_step),
                              static_cast<ptrdiff_t>((w + static_cast<int64_t>(x.first) + jx * axes[2].tap_step) * lanes_)};
            }
          }
        }
      }
      taps->taps[i] = end - begin;
    }
    return end;
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const arch::ActivationFunction activation_;
  const int64_t lanes_;
  arch::DepthwisePlaneTap* list_;
  PhaseTaps* phases_;
  float* rows_;
  arch::DepthwisePlane work_{};
  PeriodTask task_{};
  OuterTaps z_;
  int64_t copied_group_ = -1;  // what the copies hold
  int64_t copied_begin_ = 0;
};

}  // namespace

void run_planes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const PeriodTasks tasks(layer, 1, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { PlanesTask(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

size_t planes_workspace_bytes(const Layer& layer, const Plan& plan) {
  return list_bytes(layer) + phases_bytes(layer) + static_cast<size_t>(plan.input_floats) * sizeof(float);
}

}  // namespace tconv::depthwise
