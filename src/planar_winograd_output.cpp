#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "planar_winograd_strip.hpp"

namespace tconv::planar_winograd {
namespace {

using winograd::PhaseDomain;

// The terms that reach phase `phase` of x, counted from output 0, appended at `at`; returns the end. Their x begins at the strip's
// first q.
size_t append_terms(const Strip& s, const float* t, int64_t phase, size_t at) {
  const Axis& x = s.layer.axis(2);
  const int64_t below = x.pad_begin % x.stride - (x.stride - phase);  // (phase + p) mod s - s, or that itself
  const LivePhase* const live = s.layer.phases[2].find(below >= 0 ? below : below + x.stride);
  for (int64_t j = 0; live != nullptr && j < live->taps; ++j) {
    const int64_t tap = live->first_tap + j * s.layer.phases[2].tap_step;
    s.term[at++] = {t + tap * s.plan.t_pitch + s.plan.largest_shift - s.plan.x_taps[static_cast<size_t>(tap)].shift, 1.0f};
  }
  return at;
}

// Bias and slope of a channel, for every column.
void fill_columns(Strip& s, int64_t channel) {
  if (s.columns_channel == channel) return;
  s.columns_channel = channel;
  const size_t parameter = static_cast<size_t>(channel);
  std::fill(s.bias, s.bias + (s.end - s.begin), s.plan.bias[parameter]);
  if (s.plan.slopes.size() != 0) std::fill(s.slopes, s.slopes + (s.end - s.begin), s.plan.slopes[parameter]);
}

const float* residual_row(const Strip& s, int64_t channel, int64_t row, int64_t i) {
  const Pitch& pitch = s.layer.geometry.residual_pitch;
  const float* const r = s.residual + channel * pitch.channel + row * pitch.row + s.begin * pitch.pixel;
  if (pitch.pixel == 1) return r;
  float* const gathered = s.gather + i * s.plan.row_pitch;
  for (int64_t x = 0; x < s.end - s.begin; ++x) gathered[x] = r[x * pitch.pixel];
  return gathered;
}

// Rows of a phase for channel c of the chunk. `row`: those of the output, -1 where there is none.
void finish_rows(Strip& s, const Chunk& chunk, int64_t number, int64_t c, const int64_t (&row)[arch::max_points]) {
  const Geometry& g = s.layer.geometry;
  const PhaseDomain& phase = s.plan.y.phase[static_cast<size_t>(number)];
  const int64_t outputs = s.plan.y.outputs;
  const int64_t channel = chunk.first_channel + c;
  fill_columns(s, s.task.group * s.layer.out_per_group + channel);
  arch::WinogradOutput rows{};
  rows.from = s.live ? s.row_of(chunk, number, c) : s.zeros;
  rows.from_point = s.live ? s.plan.row_pitch : 0;
  rows.has_first = phase.first_point == 0;
  rows.has_last = phase.last_point == s.plan.y.points;
  rows.count = static_cast<size_t>(s.end - s.begin);
  rows.repeats = 1;
  rows.bias = s.bias;
  rows.slopes = s.slopes;
  rows.epilogue = fused_epilogue(s.layer.description.activation);
  for (int64_t i = 0; i < outputs; ++i) {
    if (row[i] < 0) continue;
    rows.to[i] = s.in_place ? s.output + channel * g.output_pitch.channel + row[i] * g.output_pitch.row + s.begin
                            : s.rows + (i * chunk.channels + c) * s.plan.row_pitch;
    if (s.residual != nullptr) rows.residual[i] = residual_row(s, channel, row[i], i);
  }
  s.kernels.winograd_output[s.plan.y.points][outputs](rows);
  const auto activate = unfused_activation(s.kernels.activations, s.layer.description.activation.kind);
  for (int64_t i = 0; activate != nullptr && i < outputs; ++i) {
    if (row[i] >= 0) activate(rows.to[i], rows.count, s.layer.description.activation.alpha);
  }
}

}  // namespace

void overlap(const Strip& s, const Chunk& chunk, const float* t, float* y) {
  const Axis& x = s.layer.axis(2);
  const ptrdiff_t t_step = x.kernel * s.plan.t_pitch;
  const ptrdiff_t y_step = s.plan.y.points * s.plan.row_pitch;
  const size_t channels = static_cast<size_t>(chunk.channels);
  const size_t count = static_cast<size_t>(s.count);
  if (x.stride <= arch::KernelTable::max_overlap_phases) {
    size_t terms[arch::KernelTable::max_overlap_phases];
    size_t at = 0;
    for (int64_t phase = 0; phase < x.stride; ++phase) {
      const size_t end = append_terms(s, t, phase, at);
      terms[phase] = end - at;
      at = end;
    }
    return s.kernels.overlap({s.term, terms, static_cast<size_t>(x.stride), count, y, {}, channels, t_step, y_step});
  }
  // Many phases: one at a time, spread over the row. The dead ones are zero.
  const int64_t outputs = s.end - s.begin;
  for (int64_t c = 0; c < chunk.channels; ++c, t += t_step, y += y_step) {
    std::memset(y, 0, static_cast<size_t>(outputs) * sizeof(float));
    for (const LivePhase& live : s.layer.phases[2].live) {
      const int64_t back = live.index - x.pad_begin % x.stride;
      const int64_t first = back >= 0 ? back : back + x.stride;
      const size_t terms = append_terms(s, t, first, 0);
      s.kernels.overlap({s.term, &terms, 1, count, s.periods, {}, 1, 0, 0});
      float* to = y + first;
      for (int64_t i = 0, at = first; i < s.count && at < outputs; ++i, at += x.stride, to += x.stride) *to = s.periods[i];
    }
  }
}

void finish_phase(Strip& s, const Chunk& chunk, int64_t number) {
  const Geometry& g = s.layer.geometry;
  const PhaseDomain& phase = s.plan.y.phase[static_cast<size_t>(number)];
  int64_t row[arch::max_points];  // of the output; -1: none
  bool any = false;
  for (int64_t i = 0; i < s.plan.y.outputs; ++i) {
    const int64_t at = s.first_g + s.plan.y.step * i;
    const bool is_output = at >= phase.begin && at < phase.end;
    row[i] = is_output ? phase.output + g.axis[1].stride * at : -1;
    any |= is_output;
  }
  if (!any) return;
  for (int64_t c = 0; c < chunk.channels; ++c) finish_rows(s, chunk, number, c, row);
  if (s.in_place) return;
  for (int64_t i = 0; i < s.plan.y.outputs; ++i) {
    if (row[i] < 0) continue;
    s.kernels.transpose(s.rows + i * chunk.channels * s.plan.row_pitch, s.plan.row_pitch, static_cast<size_t>(chunk.channels),
                        static_cast<size_t>(s.end - s.begin),
                        s.output + chunk.first_channel + row[i] * g.output_pitch.row + s.begin * g.output_pitch.pixel,
                        g.output_pitch.pixel);
  }
}

}  // namespace tconv::planar_winograd
