// Depthwise, run: output rows in the order of memory, of all channels or of the chunks of a task.
#include <algorithm>

#include "activation.hpp"
#include "checked.hpp"
#include "depthwise.hpp"
#include "outer_taps.hpp"
#include "period_tasks.hpp"
#include "tasks.hpp"

namespace tconv::depthwise {
namespace {

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

  // Channels stand for groups here; the parts of a task are chunks of channels. All of them are done before the next pixels: the
  // output is written in the order of memory.
  void run(const PeriodTask& task) {
    const int64_t stride = layer_.axis(1).stride;
    task_ = task;
    z_ = outer_taps(layer_, 0, task.plane);
    first_channel_ = task.first_chunk * chunk_channels;
    channels_ = std::min(task.last_chunk * chunk_channels, layer_.description.out_channels) - first_channel_;
    const int64_t end = task.last >= ceil_div(layer_.output(1), stride) ? layer_.output(1) : task.last * stride;
    for (int64_t oy = task.first * stride; oy < end;) {
      y_ = outer_taps(layer_, 1, oy);
      // Neighbouring rows of one phase that meet the same taps are one call.
      const int64_t rows = stride == 1 ? rows_alike(end - oy) : 1;
      output_rows(oy, rows);
      oy += rows;
    }
  }

 private:
  static constexpr int64_t stack_taps = Plan::stack_taps;

  int64_t rows_alike(int64_t most) const {
    if (y_.phase == nullptr) return most;
    const int64_t low = y_.input(y_.taps - 1);
    const int64_t high = y_.input(0);
    if (low < 0 || high >= layer_.axis(1).input) return 1;
    return std::min(most, layer_.axis(1).input - high);
  }

  size_t list_taps() {
    const Geometry& g = layer_.geometry;
    const AxisPhases* const phases = layer_.phases;
    if (z_.phase == nullptr || y_.phase == nullptr) return 0;
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const float* const weights = plan_.weights.data() + first_channel_ * g.taps;
    const float* const input = arguments_.input + task_.image * g.input_pitch.batch + first_channel_;
    size_t n = 0;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      const int64_t iz = z_.input(jz);
      if (iz < 0 || iz >= g.axis[0].input) continue;
      const int64_t tz = z_.phase->first_tap + jz * phases[0].tap_step;
      const float* const plane = input + iz * g.input_pitch.plane;
      for (int64_t jy = 0; jy < y_.taps; ++jy) {
        const int64_t iy = y_.input(jy);
        if (iy < 0 || iy >= g.axis[1].input) continue;
        const int64_t ty = y_.phase->first_tap + jy * phases[1].tap_step;
        tap_[n++] = {plane + iy * g.input_pitch.row, weights + (tz * g.axis[1].kernel + ty) * g.axis[2].kernel * lanes};
      }
    }
    return n;
  }

  void output_rows(int64_t oy, int64_t rows) {
    const Geometry& g = layer_.geometry;
    const auto place = [&](auto* base, const Pitch& p) {
      return base + task_.image * p.batch + task_.plane * p.plane + oy * p.row + first_channel_;
    };
    arch::DepthwiseRows r{};
    r.taps = list_taps();
    r.tap = tap_;
    r.rows = static_cast<size_t>(rows);
    r.phase = plan_.phases.data();
    r.phases = plan_.phases.size();
    r.tap_step = static_cast<size_t>(layer_.phases[2].tap_step);
    r.x_step = layer_.phases[2].input_step;
    r.width = static_cast<size_t>(g.axis[2].input);
    r.columns = static_cast<size_t>(g.output[2]);
    r.channels = static_cast<size_t>(channels_);
    r.x_stride = g.input_pitch.pixel;
    r.x_row_stride = neighbour_distance(rows, 1, g.input_pitch.row);
    r.weight_stride = g.taps * static_cast<int64_t>(kernels_.lanes);
    r.y = place(arguments_.output, g.output_pitch);
    r.y_stride = g.output_pitch.pixel;
    r.y_row_stride = neighbour_distance(rows, g.axis[1].stride, g.output_pitch.row);
    r.bias = plan_.bias.data() + first_channel_;
    r.slopes = plan_.slopes.size() != 0 ? plan_.slopes.data() + first_channel_ : nullptr;
    r.epilogue = epilogue_;
    if (arguments_.residual != nullptr) {
      r.residual = place(arguments_.residual, g.residual_pitch);
      r.residual_stride = g.residual_pitch.pixel;
      r.residual_row_stride = neighbour_distance(rows, g.axis[1].stride, g.residual_pitch.row);
    }
    kernels_.depthwise(r);
    if (activation_ == nullptr) return;
    for (int64_t i = 0; i < rows; ++i) {
      for (size_t o = 0; o < r.columns; ++o) {
        activation_(r.y + i * r.y_row_stride + static_cast<ptrdiff_t>(o) * r.y_stride, r.channels,
                    layer_.description.activation.alpha);
      }
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
  PeriodTask task_{};
  int64_t first_channel_ = 0;
  int64_t channels_ = 0;
  OuterTaps z_, y_;
};

}  // namespace

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const PeriodTasks tasks(layer, 1, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { Task(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::depthwise
