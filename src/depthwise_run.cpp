// Depthwise, run: output rows in the order of memory, of all channels or of the chunks of a task. Planes (NCHW) are transposed into
// pixels and back, a strip of channels of some rows at a time.
#include <algorithm>
#include <type_traits>

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
    unsigned char* const own = arguments.workspace + slot * workspace_bytes(layer, kernels, plan);
    inputs_ = reinterpret_cast<float*>(own);
    outputs_ = inputs_ + plan.input_floats;
    if (plan.taps > stack_taps) tap_ = reinterpret_cast<arch::DepthwiseTap*>(outputs_ + plan.output_floats);
  }

  // Channels stand for groups here; the parts of a task are chunks of channels.
  void run(const PeriodTask& task) {
    const int64_t stride = layer_.axis(1).stride;
    task_ = task;
    z_ = outer_taps(layer_, 0, task.plane);
    const int64_t first = task.first_chunk * chunk_channels;
    const int64_t last = std::min(task.last_chunk * chunk_channels, layer_.description.out_channels);
    const int64_t end = task.last >= ceil_div(layer_.output(1), stride) ? layer_.output(1) : task.last * stride;
    if (layer_.description.layout == Layout::nhwc) {
      for (int64_t period = task.first; period < task.last; period += plan_.periods_per_block)
        pixels(period * stride, std::min(end, (period + plan_.periods_per_block) * stride), first, last);
      return;
    }
    for (int64_t channel = first; channel < last; channel += plan_.strip) {
      for (int64_t period = task.first; period < task.last; period += plan_.periods_per_block) {
        planes(period * stride, std::min(end, (period + plan_.periods_per_block) * stride), channel,
               std::min(last, channel + plan_.strip));
      }
    }
  }

 private:
  static constexpr int64_t stack_taps = Plan::stack_taps;
  static constexpr int64_t few_planes = 8;  // what is written to at a time: each from begin to end

  // The channels at hand of pixel (z, y, x); of outputs only the plane at hand.
  template <typename T>
  struct Pixels {
    T* origin;
    int64_t plane, row, pixel;
  };

  // All channels of an output are done before the next one: it is written in the order of memory.
  void pixels(int64_t begin, int64_t end, int64_t first, int64_t last) {
    const Geometry& g = layer_.geometry;
    const auto view = [&](auto* base, const Pitch& p, int64_t plane) {
      return Pixels<std::remove_pointer_t<decltype(base)>>{base + task_.image * p.batch + plane * p.plane + first, p.plane, p.row,
                                                           p.pixel};
    };
    const bool spreads = plan_.sources.size() != 0;
    if (!spreads) x_ = view(arguments_.input, g.input_pitch, 0);
    out_ = view(arguments_.output, g.output_pitch, task_.plane);
    residual_ = {};
    if (arguments_.residual != nullptr) residual_ = view(arguments_.residual, g.residual_pitch, task_.plane);
    first_channel_ = first;
    channels_ = last - first;
    if (spreads) copy_inputs(begin / layer_.axis(1).stride, ceil_div(end, layer_.axis(1).stride));
    output_rows(begin, end);
  }

  // The output rows [begin, end) of the channels [first, last) by way of pixels in the workspace.
  void planes(int64_t begin, int64_t end, int64_t first, int64_t last) {
    const Geometry& g = layer_.geometry;
    first_channel_ = first;
    channels_ = last - first;
    copy_inputs(begin / layer_.axis(1).stride, ceil_div(end, layer_.axis(1).stride));
    const int64_t row = g.output[2] * channels_;
    out_ = {outputs_ - begin * row, 0, row, channels_};
    residual_ = {};
    const auto plane = [&](auto* base, const Pitch& p) {
      return base + task_.image * p.batch + first * p.channel + task_.plane * p.plane + begin * p.row;
    };
    if (arguments_.residual != nullptr) {
      to_pixels(plane(arguments_.residual, g.residual_pitch), g.residual_pitch, end - begin, g.output[2], outputs_);
      residual_ = {out_.origin, 0, row, channels_};
    }
    output_rows(begin, end);
    const Pitch& pitch = g.output_pitch;
    float* const to = plane(arguments_.output, pitch);
    const int64_t together = pitch.row == g.output[2] ? end - begin : 1;
    for (int64_t i = 0; i < end - begin; i += together) {
      for (int64_t c = 0; c < channels_; c += few_planes) {
        kernels_.transpose(outputs_ + i * row + c, channels_, static_cast<size_t>(together * g.output[2]),
                           static_cast<size_t>(std::min(few_planes, channels_ - c)), to + i * pitch.row + c * pitch.channel,
                           neighbour_distance(channels_, 1, pitch.channel));
      }
    }
  }

  // `rows` rows of the planes at hand as pixels.
  void to_pixels(const float* from, const Pitch& pitch, int64_t rows, int64_t width, float* to) const {
    const int64_t together = pitch.row == width ? rows : 1;
    for (int64_t i = 0; i < rows; i += together) {
      kernels_.transpose(from + i * pitch.row, neighbour_distance(channels_, 1, pitch.channel), static_cast<size_t>(channels_),
                         static_cast<size_t>(together * width), to + i * width * channels_, channels_);
    }
  }

  // `rows` rows of pixels for each input channel of a group, in which it stands beside the outputs that are made of it.
  void spread_channels(const float* from, const Pitch& pitch, int64_t rows, float* to) const {
    arch::DepthwiseSpread s{};
    s.pixel = pitch.pixel;
    s.pixels = static_cast<size_t>(layer_.axis(2).input);
    s.index = plan_.sources.data() + first_channel_;
    s.channels = static_cast<size_t>(channels_);
    s.to_pixel = x_.pixel;
    for (int64_t i = 0; i < layer_.in_per_group; ++i) {
      s.from_channels = static_cast<size_t>(layer_.description.in_channels - i);
      for (int64_t row = 0; row < rows; ++row, to += x_.row) {
        s.from = from + row * pitch.row + i;
        s.to = to;
        kernels_.depthwise_spread(s);
      }
    }
  }

  // The input rows that the periods [first, last) meet.
  void copy_inputs(int64_t first, int64_t last) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const Axis* const axis = layer_.geometry.axis;
    const int64_t begin = std::max<int64_t>(0, plan_.first_input + first);
    const int64_t rows = std::max<int64_t>(0, std::min(axis[1].input, plan_.last_input + last) - begin);
    const bool nchw = layer_.description.layout == Layout::nchw;
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const int64_t pixel = nchw ? channels_ : ceil_div(channels_, lanes) * lanes;
    const int64_t row = axis[2].input * pixel;
    const float* const input =
        arguments_.input + task_.image * pitch.batch + (nchw ? first_channel_ * pitch.channel : 0) + begin * pitch.row;
    x_ = {inputs_ - begin * row, layer_.in_per_group * rows * row, row, pixel};
    input_step_ = rows * row;
    // Taps of z that meet the image follow each other.
    int64_t planes = 0;
    for (int64_t jz = z_.taps - 1; jz >= 0; --jz) {
      const int64_t iz = z_.input(jz);
      if (iz < 0 || iz >= axis[0].input) continue;
      if (planes == 0) first_plane_ = iz;
      float* const to = inputs_ + planes * x_.plane;
      if (nchw) {
        to_pixels(input + iz * pitch.plane, pitch, rows, axis[2].input, to);
      } else {
        spread_channels(input + iz * pitch.plane, pitch, rows, to);
      }
      ++planes;
    }
    plane_step_ = z_.step;
  }

  void output_rows(int64_t begin, int64_t end) {
    for (int64_t oy = begin; oy < end;) {
      y_ = outer_taps(layer_, 1, oy);
      // Neighbouring rows of one phase that meet the same taps are one call.
      const int64_t rows = layer_.axis(1).stride == 1 ? rows_alike(end - oy) : 1;
      output_rows_alike(oy, rows);
      oy += rows;
    }
  }

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
    const float* const weights = plan_.weights.data() + first_channel_ * layer_.in_per_group * g.taps;
    size_t n = 0;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      const int64_t iz = z_.input(jz);
      if (iz < 0 || iz >= g.axis[0].input) continue;
      const int64_t tz = z_.phase->first_tap + jz * phases[0].tap_step;
      const float* const plane = x_.origin + (iz - first_plane_) / plane_step_ * x_.plane;
      for (int64_t jy = 0; jy < y_.taps; ++jy) {
        const int64_t iy = y_.input(jy);
        if (iy < 0 || iy >= g.axis[1].input) continue;
        const int64_t ty = y_.phase->first_tap + jy * phases[1].tap_step;
        const float* const w = weights + (tz * g.axis[1].kernel + ty) * g.axis[2].kernel * lanes;
        for (int64_t i = 0; i < layer_.in_per_group; ++i)
          tap_[n++] = {plane + i * input_step_ + iy * x_.row, w + i * g.taps * lanes};
      }
    }
    return n;
  }

  void output_rows_alike(int64_t oy, int64_t rows) {
    const Geometry& g = layer_.geometry;
    arch::DepthwiseRows r{};
    r.taps = list_taps();
    r.tap = tap_;
    r.rows = static_cast<size_t>(rows);
    r.phase = plan_.phases.data();
    r.phases = plan_.phases.size();
    r.pairs = g.axis[2].stride == 2 && g.axis[2].dilation == 1;
    r.tap_step = static_cast<size_t>(layer_.phases[2].tap_step);
    r.x_step = layer_.phases[2].most_taps() > 1 ? layer_.phases[2].input_step : 1;  // of one tap it may be anything
    r.width = static_cast<size_t>(g.axis[2].input);
    r.columns = static_cast<size_t>(g.output[2]);
    r.channels = static_cast<size_t>(channels_);
    r.beyond_l2 = plan_.beyond_l2;
    r.x_stride = x_.pixel;
    r.x_row_stride = neighbour_distance(rows, 1, x_.row);
    r.weight_stride = layer_.in_per_group * g.taps * static_cast<int64_t>(kernels_.lanes);
    r.y = out_.origin + oy * out_.row;
    r.y_stride = out_.pixel;
    r.y_row_stride = neighbour_distance(rows, 1, out_.row);
    r.bias = plan_.bias.data() + first_channel_;
    r.slopes = plan_.slopes.size() != 0 ? plan_.slopes.data() + first_channel_ : nullptr;
    r.epilogue = epilogue_;
    if (residual_.origin != nullptr) {
      r.residual = residual_.origin + oy * residual_.row;
      r.residual_stride = residual_.pixel;
      r.residual_row_stride = neighbour_distance(rows, 1, residual_.row);
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
  float* inputs_ = nullptr;
  float* outputs_ = nullptr;
  PeriodTask task_{};
  Pixels<const float> x_{};
  Pixels<float> out_{};
  Pixels<const float> residual_{};
  int64_t first_plane_ = 0;  // of the copies; and how far apart the planes are that they hold
  int64_t plane_step_ = 1;
  int64_t input_step_ = 0;  // between the copies for the input channels of a group
  int64_t first_channel_ = 0;
  int64_t channels_ = 0;
  OuterTaps z_, y_;
};

}  // namespace

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  if (plan.planes.used) return run_planes(layer, kernels, plan, arguments);
  const PeriodTasks tasks(layer, 1, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { Task(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::depthwise
