#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "input_rows.hpp"
#include "outer_taps.hpp"
#include "planar_winograd.hpp"
#include "planar_winograd_tasks.hpp"
#include "tasks.hpp"

namespace tconv::planar_winograd {
namespace {

using winograd::PhaseDomain;

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        block_(static_cast<int64_t>(kernels.planar_vectors * kernels.lanes)),
        points_(plan.y.points),
        outputs_(plan.y.outputs),
        in_place_(plan.workspace.rows == 0),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    const WorkspaceLayout& w = plan.workspace;
    float* at = reinterpret_cast<float*>(arguments.workspace) + static_cast<int64_t>(slot) * w.floats();
    const auto part = [&at](int64_t floats) {
      float* const begin = at;
      at += floats;
      return begin;
    };
    u_ = part(w.u);
    t_ = part(w.t);
    y_ = part(w.y);
    stage_ = part(w.stage);
    rows_ = part(w.rows);
    gather_ = part(w.gather);
    bias_ = part(w.columns / 2);
    slopes_ = bias_ + plan.row_pitch;
    part(w.columns / 2);
    zeros_ = part(w.zeros);
    periods_ = part(w.periods);
    term_ = reinterpret_cast<arch::OverlapTerm*>(part(w.terms));
    segment_ = reinterpret_cast<arch::PlanarSegment*>(part(w.segments));
    std::memset(zeros_, 0, static_cast<size_t>(w.zeros) * sizeof(float));
  }

  void run(const TileTask& task) {
    const Geometry& g = layer_.geometry;
    const Axis& x = g.axis[2];
    group_ = task.group;
    z_ = outer_taps(layer_, 0, task.plane);
    input_ = arguments_.input + task.image * g.input_pitch.batch + group_ * layer_.in_per_group * g.input_pitch.channel;
    const auto plane = [&](auto* base, const Pitch& pitch) {
      return base + task.image * pitch.batch + group_ * layer_.out_per_group * pitch.channel + task.plane * pitch.plane;
    };
    output_ = plane(arguments_.output, g.output_pitch);
    if (arguments_.residual != nullptr) residual_ = plane(arguments_.residual, g.residual_pitch);
    const int64_t q_end = ceil_div(g.output[2], x.stride);
    for (q_ = 0; q_ < q_end; q_ += plan_.strip) {
      count_ = std::min(plan_.strip, q_end - q_);
      begin_ = x.stride * q_;
      end_ = q_ + count_ == q_end ? g.output[2] : x.stride * (q_ + count_);
      window_ = q_ - plan_.largest_shift;
      x_begin_ = std::clamp<int64_t>(window_, 0, x.input);
      x_end_ = std::clamp<int64_t>(window_ + count_ + plan_.reach, x_begin_, x.input);
      columns_channel_ = -1;
      live_ = z_.phase != nullptr && x_end_ > x_begin_;
      if (live_) clear_margins();
      bool follows = false;  // the tile before has copied the rows that it shares with this one
      for (int64_t tile = task.first; tile < task.last; ++tile) {
        first_g_ = plan_.y.begin + task.residue + plan_.y.step * outputs_ * tile;
        const bool any = has_outputs();
        if (live_ && any) {
          if (plan_.staged) stage_rows(tile, !follows);
          transform_inputs(tile);
        }
        follows = any;
        if (!any) continue;
        run_chunks();
      }
    }
  }

 private:
  int64_t columns() const { return x_end_ - x_begin_; }
  int64_t channel_groups() const { return ceil_div(layer_.out_per_group, plan_.chunk.channels); }
  // Input row i of the tile at hand; may lie beside the image.
  int64_t input_row(int64_t i) const { return first_g_ + plan_.y.lowest + plan_.y.step * i; }
  bool inside(int a, int64_t i) const { return i >= 0 && i < layer_.axis(a).input; }

  // Phases whose taps begin far apart leave tiles between them that none has outputs in.
  bool has_outputs() const {
    for (const PhaseDomain& phase : plan_.y.phase) {
      for (int64_t i = 0; i < outputs_; ++i) {
        const int64_t g = first_g_ + plan_.y.step * i;
        if (g >= phase.begin && g < phase.end) return true;
      }
    }
    return false;
  }

  // What the strip's copies, transformed rows and products do not write but its kernels read.
  void clear_margins() {
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const int64_t rest = columns() % block_;
    for (int64_t i = 0; rest != 0 && i < z_.taps * points_; ++i) {
      float* const last = u_ + i * plan_.point_pitch + columns() / block_ * block_ * layer_.in_per_group;
      std::memset(last, 0, static_cast<size_t>(block_ * layer_.in_per_group) * sizeof(float));
    }
    if (plan_.staged) {
      for (int64_t i = 0; i < z_.taps * points_ * layer_.in_per_group; ++i) {
        std::memset(stage_ + i * plan_.stage_pitch + columns(), 0,
                    static_cast<size_t>(plan_.stage_pitch - columns()) * sizeof(float));
      }
    }
    const int64_t first = x_begin_ - window_;
    const int64_t last = first + ceil_div(columns(), lanes) * lanes;
    for (int64_t row = 0; row < plan_.chunk.phases * plan_.chunk.channels * layer_.axis(2).kernel; ++row) {
      float* const t = t_ + row * plan_.t_pitch;
      std::memset(t, 0, static_cast<size_t>(first) * sizeof(float));
      std::memset(t + last, 0, static_cast<size_t>(plan_.t_pitch - last) * sizeof(float));
    }
  }

  // Where row i of a tile lies in the ring of a z tap.
  float* stage_of(int64_t jz, int64_t tile, int64_t i) const {
    return stage_ + (jz * points_ + (outputs_ * tile + i) % points_) * layer_.in_per_group * plan_.stage_pitch;
  }

  // Rows of the tile that the one before has not copied yet.
  void stage_rows(int64_t tile, bool first) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      if (!inside(0, z_.input(jz))) continue;
      for (int64_t i = first ? 0 : points_ - outputs_; i < points_; ++i) {
        const int64_t iy = input_row(i);
        if (!inside(1, iy)) continue;
        const float* const row = input_ + z_.input(jz) * pitch.plane + iy * pitch.row + x_begin_ * pitch.pixel;
        float* const to = stage_of(jz, tile, i);
        const size_t count = static_cast<size_t>(columns());
        if (layer_.description.layout == Layout::nhwc) {
          kernels_.transpose(row, pitch.pixel, count, static_cast<size_t>(layer_.in_per_group), to, plan_.stage_pitch);
        } else {
          for (int64_t ci = 0; ci < layer_.in_per_group; ++ci) {
            std::memcpy(to + ci * plan_.stage_pitch, row + ci * pitch.channel, count * sizeof(float));
          }
        }
        activate_input(layer_, kernels_, to, static_cast<size_t>(layer_.in_per_group * plan_.stage_pitch));
      }
    }
  }

  // U of the tile.
  void transform_inputs(int64_t tile) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      if (!inside(0, z_.input(jz))) continue;
      arch::WinogradInput rows{};
      ptrdiff_t step[arch::max_points] = {};  // from channel to channel
      for (int64_t i = 0; i < points_; ++i) {
        const int64_t iy = input_row(i);
        if (!inside(1, iy)) {
          rows.from[i] = zeros_;
        } else if (plan_.staged) {
          rows.from[i] = stage_of(jz, tile, i);
          step[i] = plan_.stage_pitch;
        } else {
          rows.from[i] = input_ + z_.input(jz) * pitch.plane + iy * pitch.row + x_begin_;
          step[i] = pitch.channel;
        }
        rows.from_stride[i] = block_;
      }
      rows.to = u_ + jz * points_ * plan_.point_pitch;
      rows.to_point = plan_.point_pitch;
      rows.to_stride = layer_.in_per_group * block_;
      const int64_t whole = columns() / block_;
      const int64_t rest = columns() % block_;
      for (int64_t ci = 0; ci < layer_.in_per_group; ++ci) {
        rows.count = static_cast<size_t>(block_);
        rows.repeats = static_cast<size_t>(whole);
        if (whole != 0) kernels_.winograd_input[points_](rows);
        if (rest != 0) {
          arch::WinogradInput last = rows;
          for (int64_t i = 0; i < points_; ++i) last.from[i] += whole * block_;
          last.to += whole * rows.to_stride;
          last.count = static_cast<size_t>(rest);
          last.repeats = 1;
          kernels_.winograd_input[points_](last);
        }
        for (int64_t i = 0; i < points_; ++i) rows.from[i] += step[i];
        rows.to += block_;
      }
    }
  }

  void run_chunks() {
    const int64_t phases = layer_.axis(1).stride;
    const float* weights =
        live_ ? plan_.weights.data() + group_ * plan_.group_weights + plan_.z_weights_at[static_cast<size_t>(z_.number)] : nullptr;
    for (first_phase_ = 0; first_phase_ < phases; first_phase_ += plan_.chunk.phases) {
      last_phase_ = std::min(phases, first_phase_ + plan_.chunk.phases);
      for (first_channel_ = 0; first_channel_ < layer_.out_per_group; first_channel_ += plan_.chunk.channels) {
        channels_ = std::min(plan_.chunk.channels, layer_.out_per_group - first_channel_);
        for (int64_t point = 0; live_ && point < points_; ++point) weights = multiply(point, weights);
        for (int64_t i = first_phase_; i < last_phase_; ++i) finish_phase(i);
      }
    }
  }

  bool is_active(int64_t phase, int64_t point) const {
    const PhaseDomain& p = plan_.y.phase[static_cast<size_t>(phase)];
    return p.first_point <= point && point < p.last_point;
  }

  // T and Y of one point, for the chunk; returns the weights of the next point.
  const float* multiply(int64_t point, const float* weights) {
    const int64_t kernel = layer_.axis(2).kernel;
    int64_t active = 0;
    for (int64_t i = first_phase_; i < last_phase_; ++i) active += is_active(i, point) ? 1 : 0;
    const int64_t rows = active * channels_ * kernel;
    plan_.row_blocks.each(rows, [&](int64_t begin, int64_t size) {
      arch::PlanarTile tile{};
      tile.segment = segment_;
      tile.segments = 0;
      for (int64_t jz = 0; jz < z_.taps; ++jz, weights += layer_.in_per_group * size) {
        if (inside(0, z_.input(jz))) segment_[tile.segments++] = {u_ + (jz * points_ + point) * plan_.point_pitch, weights};
      }
      tile.channels = static_cast<size_t>(layer_.in_per_group);
      tile.channel_stride = block_;
      tile.block_stride = layer_.in_per_group * block_;
      tile.t = t_ + begin * plan_.t_pitch + x_begin_ - window_;
      tile.t_stride = plan_.t_pitch;
      tile.count = static_cast<size_t>(columns());
      kernels_.planar[size - 1](tile);
    });
    const float* t = t_;
    for (int64_t i = first_phase_; i < last_phase_; ++i) {
      if (!is_active(i, point)) continue;
      overlap(t, row_of(i, 0) + (point - plan_.y.phase[static_cast<size_t>(i)].first_point) * plan_.row_pitch);
      t += channels_ * kernel * plan_.t_pitch;
    }
    return weights;
  }

  // Y of a phase of y and a channel of the chunk, at the phase's first point.
  float* row_of(int64_t phase, int64_t c) const {
    return y_ + ((phase - first_phase_) * channels_ + c) * points_ * plan_.row_pitch;
  }

  // The rows of T of one phase of y, for all channels of the chunk, added where their taps reach.
  void overlap(const float* t, float* y) {
    const Axis& x = layer_.axis(2);
    const ptrdiff_t t_step = x.kernel * plan_.t_pitch;
    const ptrdiff_t y_step = points_ * plan_.row_pitch;
    const size_t channels = static_cast<size_t>(channels_);
    const size_t count = static_cast<size_t>(count_);
    if (x.stride <= arch::KernelTable::max_overlap_phases) {
      size_t terms[arch::KernelTable::max_overlap_phases];
      size_t at = 0;
      for (int64_t phase = 0; phase < x.stride; ++phase) {
        const size_t end = append_terms(t, phase, at);
        terms[phase] = end - at;
        at = end;
      }
      return kernels_.overlap({term_, terms, static_cast<size_t>(x.stride), count, y, {}, channels, t_step, y_step});
    }
    // Many phases: one at a time, spread over the row. The dead ones are zero.
    for (int64_t c = 0; c < channels_; ++c, t += t_step, y += y_step) {
      std::memset(y, 0, static_cast<size_t>(end_ - begin_) * sizeof(float));
      for (const LivePhase& live : layer_.phases[2].live) {
        const int64_t back = live.index - x.pad_begin % x.stride;
        const int64_t first = back >= 0 ? back : back + x.stride;
        const size_t terms = append_terms(t, first, 0);
        kernels_.overlap({term_, &terms, 1, count, periods_, {}, 1, 0, 0});
        float* to = y + first;
        for (int64_t i = 0, at = first; i < count_ && at < end_ - begin_; ++i, at += x.stride, to += x.stride) *to = periods_[i];
      }
    }
  }

  // The terms that reach phase `phase` of x, counted from output 0, appended at `at`; returns the end. Their x begins at q_.
  size_t append_terms(const float* t, int64_t phase, size_t at) {
    const Axis& x = layer_.axis(2);
    const int64_t below = x.pad_begin % x.stride - (x.stride - phase);  // (phase + p) mod s - s, or that itself
    const LivePhase* const live = layer_.phases[2].find(below >= 0 ? below : below + x.stride);
    for (int64_t j = 0; live != nullptr && j < live->taps; ++j) {
      const int64_t tap = live->first_tap + j * layer_.phases[2].tap_step;
      term_[at++] = {t + tap * plan_.t_pitch + plan_.largest_shift - plan_.x_taps[static_cast<size_t>(tap)].shift, 1.0f};
    }
    return at;
  }

  // The outputs of the tile in one phase of y.
  void finish_phase(int64_t number) {
    const Geometry& g = layer_.geometry;
    const PhaseDomain& phase = plan_.y.phase[static_cast<size_t>(number)];
    const int64_t stride = g.axis[1].stride;
    int64_t row[arch::max_points];  // of the output; -1: none
    bool any = false;
    for (int64_t i = 0; i < outputs_; ++i) {
      const int64_t at = first_g_ + plan_.y.step * i;
      const bool is_output = at >= phase.begin && at < phase.end;
      row[i] = is_output ? phase.output + stride * at : -1;
      any |= is_output;
    }
    if (!any) return;
    for (int64_t c = 0; c < channels_; ++c) finish_rows(number, c, row);
    if (in_place_) return;
    for (int64_t i = 0; i < outputs_; ++i) {
      if (row[i] < 0) continue;
      kernels_.transpose(rows_ + i * channels_ * plan_.row_pitch, plan_.row_pitch, static_cast<size_t>(channels_),
                         static_cast<size_t>(end_ - begin_),
                         output_ + first_channel_ + row[i] * g.output_pitch.row + begin_ * g.output_pitch.pixel,
                         g.output_pitch.pixel);
    }
  }

  void finish_rows(int64_t number, int64_t c, const int64_t (&row)[arch::max_points]) {
    const Geometry& g = layer_.geometry;
    const PhaseDomain& phase = plan_.y.phase[static_cast<size_t>(number)];
    const int64_t channel = first_channel_ + c;
    const size_t count = static_cast<size_t>(end_ - begin_);
    fill_columns(group_ * layer_.out_per_group + channel);
    arch::WinogradOutput rows{};
    rows.from = live_ ? row_of(number, c) : zeros_;
    rows.from_point = live_ ? plan_.row_pitch : 0;
    rows.has_first = phase.first_point == 0;
    rows.has_last = phase.last_point == points_;
    rows.count = count;
    rows.repeats = 1;
    rows.bias = bias_;
    rows.slopes = slopes_;
    rows.epilogue = epilogue_;
    for (int64_t i = 0; i < outputs_; ++i) {
      if (row[i] < 0) continue;
      rows.to[i] = in_place_ ? output_ + channel * g.output_pitch.channel + row[i] * g.output_pitch.row + begin_
                             : rows_ + (i * channels_ + c) * plan_.row_pitch;
      if (residual_ != nullptr) rows.residual[i] = residual_row(channel, row[i], i);
    }
    kernels_.winograd_output[points_][outputs_](rows);
    for (int64_t i = 0; activation_ != nullptr && i < outputs_; ++i) {
      if (row[i] >= 0) activation_(rows.to[i], count, layer_.description.activation.alpha);
    }
  }

  const float* residual_row(int64_t channel, int64_t row, int64_t i) {
    const Pitch& pitch = layer_.geometry.residual_pitch;
    const float* const r = residual_ + channel * pitch.channel + row * pitch.row + begin_ * pitch.pixel;
    if (pitch.pixel == 1) return r;
    float* const gathered = gather_ + i * plan_.row_pitch;
    for (int64_t x = 0; x < end_ - begin_; ++x) gathered[x] = r[x * pitch.pixel];
    return gathered;
  }

  // Bias and slope of a channel, for every column.
  void fill_columns(int64_t channel) {
    if (columns_channel_ == channel) return;
    columns_channel_ = channel;
    const size_t parameter = static_cast<size_t>(channel);
    std::fill(bias_, bias_ + (end_ - begin_), plan_.bias[parameter]);
    if (plan_.slopes.size() != 0) std::fill(slopes_, slopes_ + (end_ - begin_), plan_.slopes[parameter]);
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const int64_t block_;
  const int64_t points_;
  const int64_t outputs_;
  const bool in_place_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;
  float* u_ = nullptr;
  float* t_ = nullptr;
  float* y_ = nullptr;
  float* stage_ = nullptr;
  float* rows_ = nullptr;
  float* gather_ = nullptr;
  float* bias_ = nullptr;
  float* slopes_ = nullptr;
  float* zeros_ = nullptr;
  float* periods_ = nullptr;
  arch::OverlapTerm* term_ = nullptr;
  arch::PlanarSegment* segment_ = nullptr;

  // Of the task.
  OuterTaps z_;
  int64_t group_ = 0;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  const float* residual_ = nullptr;
  // Of the strip: q in [q_, q_ + count_), outputs [begin_, end_), inputs [x_begin_, x_end_); T begins at window_.
  int64_t q_ = 0;
  int64_t count_ = 0;
  int64_t begin_ = 0;
  int64_t end_ = 0;
  int64_t window_ = 0;
  int64_t x_begin_ = 0;
  int64_t x_end_ = 0;
  bool live_ = false;  // some input reaches some output
  int64_t columns_channel_ = -1;
  // Of the tile and the chunk.
  int64_t first_g_ = 0;
  int64_t first_phase_ = 0;
  int64_t last_phase_ = 0;
  int64_t first_channel_ = 0;
  int64_t channels_ = 0;
};

}  // namespace

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const TileTasks tasks(layer, plan, arguments.parallelism);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { Task(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::planar_winograd
