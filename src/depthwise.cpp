#include "depthwise.hpp"

#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "outer_taps.hpp"
#include "row_tasks.hpp"
#include "tasks.hpp"

namespace tconv::depthwise {
namespace {

constexpr int64_t stack_taps = 64;

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    if (plan.taps > stack_taps)
      tap_ = reinterpret_cast<arch::DepthwiseTap*>(arguments.workspace + slot * workspace_bytes(layer, kernels, plan));
  }

  void run(const RowTask& task) {
    const Geometry& g = layer_.geometry;
    const Axis& x = g.axis[2];
    z_ = outer_taps(layer_, 0, task.plane);
    y_ = outer_taps(layer_, 1, task.first_row);
    // Channels stand for groups here: one task does them all.
    input_ = arguments_.input + task.image * g.input_pitch.batch;
    for (int64_t row = 0; row < task.rows; ++row) {
      const int64_t oy = task.first_row + row * g.axis[1].stride;
      output_ = arguments_.output + task.image * g.output_pitch.batch + task.plane * g.output_pitch.plane + oy * g.output_pitch.row;
      if (arguments_.residual != nullptr) {
        residual_ = arguments_.residual + task.image * g.residual_pitch.batch + task.plane * g.residual_pitch.plane +
                    oy * g.residual_pitch.row;
      }
      for (int64_t i = 0; i < std::min(x.stride, g.output[2]); ++i) phase_row(row, output_phase(x, g.output[2], i));
    }
  }

 private:
  // The outputs of one x-phase in one row, in runs that meet the same taps.
  void phase_row(int64_t row, const OutputPhase& outputs) {
    const int64_t width = layer_.axis(2).input;
    const LivePhase* const phase = layer_.phases[2].find(outputs.index);
    const int64_t end = outputs.q + outputs.count;
    if (phase == nullptr) return run_of(row, outputs, {}, outputs.q, end);
    const int64_t step = layer_.phases[2].input_step;
    // Tap j of q reads x[q - offset - j * step].
    const auto taps_at = [&](int64_t q) {
      const int64_t last = q - phase->input_offset;
      return XTaps{phase, std::max<int64_t>(0, ceil_div(last - (width - 1), step)),
                   std::min(phase->taps, floor_div(last, step) + 1)};
    };
    for (int64_t q = outputs.q; q < end;) {
      const XTaps taps = taps_at(q);
      int64_t next = q + 1;
      if (taps.begin == 0 && taps.end == phase->taps) {
        next = std::max(next, std::min(end, width + phase->input_offset));
      } else {
        for (; next < end; ++next) {
          const XTaps other = taps_at(next);
          if (other.begin != taps.begin || other.end != taps.end) break;
        }
      }
      run_of(row, outputs, taps, q, next);
      q = next;
    }
  }

  struct XTaps {
    const LivePhase* phase = nullptr;
    int64_t begin = 0;
    int64_t end = 0;
  };

  void run_of(int64_t row, const OutputPhase& outputs, const XTaps& x_taps, int64_t q_begin, int64_t q_end) {
    const Geometry& g = layer_.geometry;
    const AxisPhases* const phases = layer_.phases;
    const int64_t channels = layer_.description.out_channels;
    arch::DepthwiseRow r{};
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      const int64_t iz = z_.input(jz);
      if (iz < 0 || iz >= g.axis[0].input) continue;
      for (int64_t jy = 0; jy < y_.taps; ++jy) {
        const int64_t iy = y_.input(jy, row);
        if (iy < 0 || iy >= g.axis[1].input) continue;
        for (int64_t jx = x_taps.begin; jx < x_taps.end; ++jx) {
          const int64_t ix = q_begin - x_taps.phase->input_offset - jx * phases[2].input_step;
          const int64_t tap = ((z_.phase->first_tap + jz * phases[0].tap_step) * g.axis[1].kernel +
                               (y_.phase->first_tap + jy * phases[1].tap_step)) *
                                  g.axis[2].kernel +
                              x_taps.phase->first_tap + jx * phases[2].tap_step;
          tap_[r.taps++] = {input_ + iz * g.input_pitch.plane + iy * g.input_pitch.row + ix * g.input_pitch.pixel,
                            plan_.weights.data() + tap * channels};
        }
      }
    }
    const int64_t first = outputs.first + (q_begin - outputs.q) * g.axis[2].stride;
    r.tap = tap_;
    r.x_stride = g.input_pitch.pixel;
    r.y = output_ + first * g.output_pitch.pixel;
    r.y_stride = neighbour_distance(q_end - q_begin, g.axis[2].stride, g.output_pitch.pixel);
    r.count = static_cast<size_t>(q_end - q_begin);
    r.channels = static_cast<size_t>(channels);
    r.bias = plan_.bias.data();
    r.slopes = plan_.slopes.data();
    r.epilogue = epilogue_;
    if (residual_ != nullptr) {
      r.residual = residual_ + first * g.residual_pitch.pixel;
      r.residual_stride = neighbour_distance(q_end - q_begin, g.axis[2].stride, g.residual_pitch.pixel);
    }
    kernels_.depthwise(r);
    if (activation_ == nullptr) return;
    for (size_t i = 0; i < r.count; ++i) {
      activation_(r.y + static_cast<ptrdiff_t>(i) * r.y_stride, r.channels, layer_.description.activation.alpha);
    }
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;
  arch::DepthwiseTap own_taps_[stack_taps];
  arch::DepthwiseTap* tap_ = own_taps_;
  OuterTaps z_, y_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  const float* residual_ = nullptr;
};

}  // namespace

bool supports(const Layer& layer, const Options&) {
  return layer.description.layout == Layout::nhwc && layer.in_per_group == 1 && layer.out_per_group == 1 &&
         !layer.has_input_activation();
}

double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options&) {
  // A load a multiply-add, and what a store and the loop around it cost.
  return (static_cast<double>(layer.geometry.multiplications) / 2 + 3 * static_cast<double>(layer.geometry.output_elements)) /
         static_cast<double>(kernels.lanes);
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  const size_t channels = static_cast<size_t>(layer.description.out_channels);
  const size_t taps = static_cast<size_t>(layer.geometry.taps);
  if (!plan->weights.allocate(channels * taps) || !plan->bias.allocate(channels)) return no_memory;
  for (size_t t = 0; t < taps; ++t) {
    for (size_t c = 0; c < channels; ++c) plan->weights[t * channels + c] = weights[c * taps + t];
  }
  if (bias != nullptr) std::memcpy(plan->bias.data(), bias, channels * sizeof(float));
  if (layer.description.activation.kind == ActivationKind::prelu) {
    if (!plan->slopes.allocate(channels)) return no_memory;
    std::memcpy(plan->slopes.data(), layer.description.activation.slopes, channels * sizeof(float));
  }
  return reshape(layer, kernels, options, plan);
}

Status reshape(const Layer& layer, const arch::KernelTable&, const Options& options, Plan* plan) {
  plan->taps = layer.phases[0].most_taps() * layer.phases[1].most_taps() * layer.phases[2].most_taps();
  const int64_t row_bytes = layer.axis(2).input * layer.description.in_channels * static_cast<int64_t>(sizeof(float));
  plan->rows_per_task = std::clamp<int64_t>(static_cast<int64_t>(options.cache.l2 / 4) / row_bytes, 1,
                                            ceil_div(layer.output(1), layer.axis(1).stride));
  return {};
}

size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan& plan) {
  if (plan.taps <= stack_taps) return 0;
  return (static_cast<size_t>(plan.taps) * sizeof(arch::DepthwiseTap) + 63) / 64 * 64;
}

size_t packed_bytes(const Plan& plan) { return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes(); }

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const RowTasks tasks(layer, 1, arguments.parallelism, plan.rows_per_task, 1);
  run_tasks(arguments.parallelism, tasks.count(), [&](int64_t index, size_t slot) {
    const RowTask task = tasks[index];
    if (task.rows > 0) Task(layer, kernels, plan, arguments, slot).run(task);
  });
}

}  // namespace tconv::depthwise
