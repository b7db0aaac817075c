#include "depthwise.hpp"

#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "outer_taps.hpp"
#include "period_tasks.hpp"
#include "tasks.hpp"

namespace tconv::depthwise {
namespace {

constexpr int64_t strip = 64;  // channels copied together: some lines of a cache

int64_t rounded(int64_t x, int64_t unit) { return ceil_div(x, unit) * unit; }
int64_t copied_floats(const Plan& plan) { return rounded(plan.copied_pixels * plan.chunk_channels, 16); }

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    unsigned char* const own = arguments.workspace + slot * workspace_bytes(layer, kernels, plan);
    copies_ = reinterpret_cast<float*>(own);
    if (plan.taps > stack_taps) tap_ = reinterpret_cast<arch::DepthwiseTap*>(copies_ + copied_floats(plan));
  }

  // Channels stand for groups here; the parts of a task are chunks of channels.
  void run(const PeriodTask& task) {
    const Geometry& g = layer_.geometry;
    task_ = task;
    z_ = outer_taps(layer_, 0, task.plane);
    for (int64_t first = task.first; first < task.last; first += plan_.periods_per_block) {
      const int64_t last = std::min(task.last, first + plan_.periods_per_block);
      if (plan_.copied_pixels == 0) {
        const Pitch& pitch = g.input_pitch;
        x_ = {arguments_.input + task.image * pitch.batch, pitch.plane, pitch.row, pitch.pixel};
        first_channel_ = task.first_chunk * plan_.chunk_channels;
        channels_ = std::min(layer_.description.out_channels, task.last_chunk * plan_.chunk_channels) - first_channel_;
        x_.origin += first_channel_;
        periods(first, last);
        continue;
      }
      for (int64_t chunk = task.first_chunk; chunk < task.last_chunk; ++chunk) {
        first_channel_ = chunk * plan_.chunk_channels;
        channels_ = std::min(plan_.chunk_channels, layer_.description.out_channels - first_channel_);
        copy_channels(first, last);
        periods(first, last);
      }
    }
  }

 private:
  static constexpr int64_t stack_taps = Plan::stack_taps;

  // The channels at hand of input pixel (z, y, x).
  struct Source {
    const float* origin;
    int64_t plane, row, pixel;
  };
  struct XTaps {
    const LivePhase* phase = nullptr;
    int64_t begin = 0;
    int64_t end = 0;
  };
  // Rows of one y-phase that meet the taps [tap_begin, tap_end).
  struct Rows {
    int64_t oy;
    int64_t rows;
    int64_t tap_begin, tap_end;
  };

  // Pixels a multiple of 2 KiB apart fall into few sets of L1: a strip of channels of the input rows that these periods meet.
  void copy_channels(int64_t first, int64_t last) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const Axis* const axis = layer_.geometry.axis;
    const int64_t row_begin = std::max<int64_t>(0, plan_.first_input + first);
    const int64_t row_end = std::min(axis[1].input, plan_.last_input + last);
    const int64_t rows = std::max<int64_t>(0, row_end - row_begin);
    const int64_t row = axis[2].input * channels_;
    const float* const input = arguments_.input + task_.image * pitch.batch + first_channel_;
    // Taps of z that meet the image follow each other.
    int64_t planes = 0;
    for (int64_t jz = z_.taps - 1; jz >= 0; --jz) {
      const int64_t iz = z_.input(jz);
      if (iz < 0 || iz >= axis[0].input) continue;
      for (int64_t iy = row_begin; iy < row_end; ++iy) {
        const float* from = input + iz * pitch.plane + iy * pitch.row;
        float* to = copies_ + (planes * rows + iy - row_begin) * row;
        for (int64_t ix = 0; ix < axis[2].input; ++ix, from += pitch.pixel, to += channels_)
          std::memcpy(to, from, static_cast<size_t>(channels_) * sizeof(float));
      }
      if (planes++ == 0) x_ = {copies_ - row_begin * row, rows * row, row, channels_};
      if (planes == 1) first_plane_ = iz;
      plane_step_ = z_.step;
    }
  }

  void periods(int64_t first, int64_t last) {
    const int64_t stride = layer_.axis(1).stride;
    const int64_t end = last >= ceil_div(layer_.output(1), stride) ? layer_.output(1) : last * stride;
    for (int64_t phase = 0; phase < std::min(stride, end - first * stride); ++phase) {
      const int64_t oy = first * stride + phase;
      const int64_t rows = ceil_div(end - oy, stride);
      y_ = outer_taps(layer_, 1, oy);
      for (int64_t row = 0; row < rows;) {
        const Rows alike = rows_alike(oy, row, rows);
        for (int64_t i = 0; i < std::min(layer_.axis(2).stride, layer_.output(2)); ++i)
          phase_rows(alike, row, output_phase(layer_.axis(2), layer_.output(2), i));
        row += alike.rows;
      }
    }
  }

  // The rows from `row` on whose taps meet the image in the same way.
  Rows rows_alike(int64_t oy, int64_t row, int64_t rows) const {
    const int64_t stride = layer_.axis(1).stride;
    const auto taps_at = [this](int64_t r, int64_t* begin, int64_t* end) {
      // Tap j reads row first - j * step.
      const int64_t first = y_.input(0, r);
      *begin = std::max<int64_t>(0, ceil_div(first - (layer_.axis(1).input - 1), y_.step));
      *end = std::max(*begin, std::min(y_.taps, floor_div(first, y_.step) + 1));
    };
    Rows alike{oy + row * stride, 1, 0, 0};
    if (y_.phase == nullptr || z_.phase == nullptr) return {alike.oy, rows - row, 0, 0};
    taps_at(row, &alike.tap_begin, &alike.tap_end);
    for (; row + alike.rows < rows; ++alike.rows) {
      int64_t begin, end;
      taps_at(row + alike.rows, &begin, &end);
      if (begin != alike.tap_begin || end != alike.tap_end) break;
    }
    return alike;
  }

  // The outputs of one x-phase, in runs that meet the same taps.
  void phase_rows(const Rows& rows, int64_t row, const OutputPhase& outputs) {
    const int64_t width = layer_.axis(2).input;
    const LivePhase* const phase = rows.tap_end > rows.tap_begin ? layer_.phases[2].find(outputs.index) : nullptr;
    const int64_t end = outputs.q + outputs.count;
    if (phase == nullptr) return run_of(rows, row, outputs, {}, outputs.q, end);
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
      run_of(rows, row, outputs, taps, q, next);
      q = next;
    }
  }

  size_t list_taps(const Rows& rows, int64_t row, const XTaps& x_taps, int64_t q) {
    const Geometry& g = layer_.geometry;
    const AxisPhases* const phases = layer_.phases;
    size_t n = 0;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      const int64_t iz = z_.input(jz);
      if (iz < 0 || iz >= g.axis[0].input) continue;
      const int64_t tz = z_.phase->first_tap + jz * phases[0].tap_step;
      const float* const plane = x_.origin + (iz - first_plane_) / plane_step_ * x_.plane;
      for (int64_t jy = rows.tap_begin; jy < rows.tap_end; ++jy) {
        const int64_t ty = y_.phase->first_tap + jy * phases[1].tap_step;
        for (int64_t jx = x_taps.begin; jx < x_taps.end; ++jx) {
          const int64_t tx = x_taps.phase->first_tap + jx * phases[2].tap_step;
          const int64_t ix = q - x_taps.phase->input_offset - jx * phases[2].input_step;
          tap_[n++] = {plane + y_.input(jy, row) * x_.row + ix * x_.pixel,
                       plan_.weights.data() +
                           ((tz * g.axis[1].kernel + ty) * g.axis[2].kernel + tx) * layer_.description.out_channels +
                           first_channel_};
        }
      }
    }
    return n;
  }

  void run_of(const Rows& rows, int64_t row, const OutputPhase& outputs, const XTaps& x_taps, int64_t q_begin, int64_t q_end) {
    const Geometry& g = layer_.geometry;
    const int64_t first = outputs.first + (q_begin - outputs.q) * g.axis[2].stride;
    const auto place = [&](auto* base, const Pitch& p) {
      return base + task_.image * p.batch + task_.plane * p.plane + rows.oy * p.row + first * p.pixel + first_channel_;
    };
    arch::DepthwiseRows r{};
    r.taps = x_taps.phase == nullptr ? 0 : list_taps(rows, row, x_taps, q_begin);
    r.tap = tap_;
    r.rows = static_cast<size_t>(rows.rows);
    r.count = static_cast<size_t>(q_end - q_begin);
    r.channels = static_cast<size_t>(channels_);
    r.in_order = plan_.in_order;
    r.x_stride = x_.pixel;
    r.x_row_stride = x_.row;
    r.y = place(arguments_.output, g.output_pitch);
    r.y_stride = neighbour_distance(q_end - q_begin, g.axis[2].stride, g.output_pitch.pixel);
    r.y_row_stride = neighbour_distance(rows.rows, g.axis[1].stride, g.output_pitch.row);
    r.bias = plan_.bias.data() + first_channel_;
    r.slopes = plan_.slopes.size() != 0 ? plan_.slopes.data() + first_channel_ : nullptr;
    r.epilogue = epilogue_;
    if (arguments_.residual != nullptr) {
      r.residual = place(arguments_.residual, g.residual_pitch);
      r.residual_stride = neighbour_distance(q_end - q_begin, g.axis[2].stride, g.residual_pitch.pixel);
      r.residual_row_stride = neighbour_distance(rows.rows, g.axis[1].stride, g.residual_pitch.row);
    }
    kernels_.depthwise(r);
    if (activation_ == nullptr) return;
    for (size_t i = 0; i < r.rows; ++i) {
      for (size_t q = 0; q < r.count; ++q) {
        activation_(r.y + static_cast<ptrdiff_t>(i) * r.y_row_stride + static_cast<ptrdiff_t>(q) * r.y_stride, r.channels,
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
  float* copies_ = nullptr;
  PeriodTask task_{};
  Source x_{};
  int64_t first_plane_ = 0;  // of the copies; and how far apart the planes are that they hold
  int64_t plane_step_ = 1;
  int64_t first_channel_ = 0;
  int64_t channels_ = 0;
  OuterTaps z_, y_;
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
  const Geometry& g = layer.geometry;
  const Axis& y = g.axis[1];
  plan->taps = layer.phases[0].most_taps() * layer.phases[1].most_taps() * layer.phases[2].most_taps();
  plan->first_input = INT64_MAX;
  plan->last_input = INT64_MIN;
  for (const LivePhase& phase : layer.phases[1].live) {
    const int64_t q = y.pad_begin / y.stride + (phase.index < y.pad_begin % y.stride ? 1 : 0);
    const int64_t last = q - phase.input_offset;
    plan->first_input = std::min(plan->first_input, last - (phase.taps - 1) * layer.phases[1].input_step);
    plan->last_input = std::max(plan->last_input, last);
  }
  const int64_t float_bytes = static_cast<int64_t>(sizeof(float));
  const int64_t channels = layer.description.out_channels;
  const int64_t periods = ceil_div(g.output[1], y.stride);
  const int64_t reach = plan->last_input - plan->first_input;
  const int64_t z_rows = std::min(g.axis[0].input, layer.phases[0].most_taps());
  plan->chunk_channels = std::min(channels, strip);
  plan->chunks = ceil_div(channels, plan->chunk_channels);
  plan->copied_pixels = 0;
  plan->in_order = g.output_elements * float_bytes > static_cast<int64_t>(options.cache.l2 / 2);
  if (plan->taps > 1 && channels > strip && g.input_pitch.pixel * float_bytes % 2048 == 0) {
    const int64_t row_bytes = z_rows * g.axis[2].input * strip * float_bytes;
    plan->periods_per_block = std::clamp<int64_t>(static_cast<int64_t>(options.cache.l1 / 2) / row_bytes - reach, 1, periods);
    plan->copied_pixels = z_rows * std::min(g.axis[1].input, plan->periods_per_block + reach) * g.axis[2].input;
    return {};
  }
  // The weights of a block of channels stay in registers for the rows of a period block; those rows should stay near.
  const int64_t row_bytes = g.output[2] * channels * float_bytes;
  plan->periods_per_block = std::clamp<int64_t>(static_cast<int64_t>(options.cache.l1 / 2) / row_bytes, 1, periods);
  return {};
}

size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan& plan) {
  const size_t taps = plan.taps > Plan::stack_taps ? static_cast<size_t>(plan.taps) * sizeof(arch::DepthwiseTap) : 0;
  return static_cast<size_t>(copied_floats(plan)) * sizeof(float) + (taps + 63) / 64 * 64;
}

size_t packed_bytes(const Plan& plan) { return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes(); }

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const PeriodTasks tasks(layer, 1, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { Task(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::depthwise
