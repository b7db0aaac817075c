#include "tconv/description.hpp"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "checked.hpp"
#include "geometry_internal.hpp"

namespace tconv {
namespace {

Status positive(const char* field, int64_t value) {
  if (value >= 1) return {};
  return Status::error(StatusCode::invalid_argument, "%s = %" PRId64 ": must be at least 1", field, value);
}

Status check_choices_and_channels(const Description& d) {
  if (d.rank < 1 || d.rank > max_rank) {
    return Status::error(StatusCode::invalid_argument, "rank = %d: must be 1, 2 or 3", d.rank);
  }
  if (d.auto_pad > AutoPad::valid) {
    return Status::error(StatusCode::invalid_argument, "auto_pad = %d: unknown", static_cast<int>(d.auto_pad));
  }
  if (d.layout > Layout::nhwc)
    return Status::error(StatusCode::invalid_argument, "layout = %d: unknown", static_cast<int>(d.layout));
  if (d.data_type > DataType::f32) {
    return Status::error(StatusCode::invalid_argument, "data_type = %d: unknown", static_cast<int>(d.data_type));
  }
  if (Status s = positive("batch", d.batch); !s.ok()) return s;
  if (Status s = positive("in_channels", d.in_channels); !s.ok()) return s;
  if (Status s = positive("out_channels", d.out_channels); !s.ok()) return s;
  if (Status s = positive("groups", d.groups); !s.ok()) return s;
  if (d.in_channels % d.groups != 0 || d.out_channels % d.groups != 0) {
    return Status::error(StatusCode::invalid_argument,
                         "groups = %" PRId64 ": must divide in_channels = %" PRId64 " and out_channels = %" PRId64, d.groups,
                         d.in_channels, d.out_channels);
  }
  return {};
}

Status check_activations(const Description& d) {
  switch (d.input_activation.kind) {
    case ActivationKind::none:
    case ActivationKind::relu:
    case ActivationKind::leaky_relu:
    case ActivationKind::elu:
      break;
    default:
      return Status::error(StatusCode::invalid_argument, "input_activation.kind = %d: must be none, relu, leaky_relu or elu",
                           static_cast<int>(d.input_activation.kind));
  }
  if (d.activation.kind > ActivationKind::softplus) {
    return Status::error(StatusCode::invalid_argument, "activation.kind = %d: unknown", static_cast<int>(d.activation.kind));
  }
  if (d.activation.kind == ActivationKind::clamp && !(d.activation.alpha <= d.activation.beta)) {
    return Status::error(StatusCode::invalid_argument, "activation.alpha = %g: clamp needs alpha <= beta = %g",
                         static_cast<double>(d.activation.alpha), static_cast<double>(d.activation.beta));
  }
  if (d.activation.kind == ActivationKind::prelu && d.activation.slopes == nullptr) {
    return Status::error(StatusCode::invalid_argument, "activation.slopes = nullptr: prelu needs one slope per output channel");
  }
  return {};
}

// One level of a pitch: fills a zero in, else checks that it leaves room for what lies inside.
Status fill_pitch(const char* tensor, const char* field, Checked inside, int64_t* pitch) {
  if (inside.overflowed()) {
    return Status::error(StatusCode::overflow, "%s.%s: the size of what lies inside does not fit in 63 bits", tensor, field);
  }
  if (*pitch == 0) *pitch = inside.value();
  if (*pitch < inside.value()) {
    return Status::error(StatusCode::invalid_argument, "%s.%s = %" PRId64 ": must be 0 (dense) or at least %" PRId64, tensor, field,
                         *pitch, inside.value());
  }
  return {};
}

// Fills all pitches in and computes the elements from the first to one past the last.
Status fill_pitches(const char* tensor, Layout layout, int64_t batch, int64_t channels, const int64_t size[max_rank], Pitch* p,
                    int64_t* span) {
  const int64_t depth = size[0];
  const int64_t height = size[1];
  const int64_t width = size[2];
  int64_t* const unit = layout == Layout::nchw ? &p->pixel : &p->channel;
  if (*unit != 0 && *unit != 1) {
    return Status::error(StatusCode::invalid_argument, "%s.%s = %" PRId64 ": must be 0 or 1 in this layout", tensor,
                         layout == Layout::nchw ? "pixel" : "channel", *unit);
  }
  *unit = 1;
  // Each level holds `count` of the level inside it; its pitch is at least the extent of those.
  struct Level {
    const char* field;
    int64_t* pitch;
    int64_t inner_count;
    int64_t* inner_pitch;
  };
  const Level nhwc[] = {{"pixel", &p->pixel, channels, &p->channel},
                        {"row", &p->row, width, &p->pixel},
                        {"plane", &p->plane, height, &p->row},
                        {"batch", &p->batch, depth, &p->plane}};
  const Level nchw[] = {{"row", &p->row, width, &p->pixel},
                        {"plane", &p->plane, height, &p->row},
                        {"channel", &p->channel, depth, &p->plane},
                        {"batch", &p->batch, channels, &p->channel}};
  for (const Level& level : layout == Layout::nchw ? nchw : nhwc) {
    if (Status s = fill_pitch(tensor, level.field, Checked(level.inner_count) * *level.inner_pitch, level.pitch); !s.ok()) return s;
  }
  const Checked last = (Checked(batch) - 1) * p->batch + (Checked(channels) - 1) * p->channel + (Checked(depth) - 1) * p->plane +
                       (Checked(height) - 1) * p->row + (Checked(width) - 1) * p->pixel + 1;
  if ((last * sizeof(float)).overflowed()) {
    return Status::error(StatusCode::overflow, "%s: its size in bytes does not fit in 63 bits", tensor);
  }
  *span = last.value();
  return {};
}

}  // namespace

Status resolve(const Description& d, Geometry* geometry) {
  if (Status s = check_choices_and_channels(d); !s.ok()) return s;
  Geometry g{};
  const int lead = max_rank - d.rank;
  int shapes_given = 0;
  for (int a = 0; a < d.rank; ++a) shapes_given += d.output_shape[a] != 0;
  if (shapes_given != 0 && shapes_given != d.rank) {
    return Status::error(StatusCode::invalid_argument, "output_shape: %d of %d axes given; give all or none", shapes_given, d.rank);
  }
  for (int a = 0; a < max_rank; ++a) {
    g.output[a] = 1;
    if (a < lead) continue;
    char name[24];
    std::snprintf(name, sizeof name, "axis[%d].", a - lead);
    g.axis[a] = d.axis[a - lead];
    // The limit on output_padding holds for what the caller gave, not for what output_shape or SAME padding derive from it.
    if (const int64_t op = g.axis[a].output_padding, limit = std::max(g.axis[a].stride, g.axis[a].dilation);
        op >= limit && limit >= 1) {
      return Status::error(StatusCode::invalid_argument,
                           "%soutput_padding = %" PRId64 ": must be smaller than max(stride, dilation) = %" PRId64, name, op,
                           limit);
    }
    if (Status s = resolve_padding(d.auto_pad, d.output_shape[a - lead], name, &g.axis[a]); !s.ok()) return s;
    if (Status s = internal::cropped_output_size(g.axis[a], name, &g.output[a]); !s.ok()) return s;
  }
  if (Status s = check_activations(d); !s.ok()) return s;

  int64_t input[max_rank];
  Checked taps = 1;
  for (int a = 0; a < max_rank; ++a) {
    input[a] = g.axis[a].input;
    taps = taps * g.axis[a].kernel;
  }
  const Checked out_per_group = d.out_channels / d.groups;
  const Checked in_elements = Checked(d.batch) * d.in_channels * input[0] * input[1] * input[2];
  const Checked out_elements = Checked(d.batch) * d.out_channels * g.output[0] * g.output[1] * g.output[2];
  const Checked weights = Checked(d.in_channels) * out_per_group * taps;
  const Checked multiplications = in_elements * out_per_group * taps;
  if ((in_elements * sizeof(float)).overflowed())
    return Status::error(StatusCode::overflow, "input: its size in bytes does not fit in 63 bits");
  if ((out_elements * sizeof(float)).overflowed())
    return Status::error(StatusCode::overflow, "output: its size in bytes does not fit in 63 bits");
  // Packing pads columns, so leave room for that.
  if ((weights * sizeof(float) * 64).overflowed())
    return Status::error(StatusCode::overflow, "weights: their size in bytes does not fit in 63 bits");
  if (multiplications.overflowed())
    return Status::error(StatusCode::overflow, "the number of multiplications does not fit in 63 bits");
  g.taps = taps.value();
  g.input_elements = in_elements.value();
  g.output_elements = out_elements.value();
  g.weight_elements = weights.value();
  g.multiplications = multiplications.value();

  g.input_pitch = d.input_pitch;
  g.output_pitch = d.output_pitch;
  g.residual_pitch = d.residual_pitch;
  if (Status s = fill_pitches("input_pitch", d.layout, d.batch, d.in_channels, input, &g.input_pitch, &g.input_span); !s.ok())
    return s;
  if (Status s = fill_pitches("output_pitch", d.layout, d.batch, d.out_channels, g.output, &g.output_pitch, &g.output_span);
      !s.ok())
    return s;
  if (Status s = fill_pitches("residual_pitch", d.layout, d.batch, d.out_channels, g.output, &g.residual_pitch, &g.residual_span);
      !s.ok())
    return s;
  *geometry = g;
  return {};
}

}  // namespace tconv
