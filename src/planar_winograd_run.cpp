#include <algorithm>
#include <cstring>

#include "planar_winograd_strip.hpp"
#include "tasks.hpp"

namespace tconv::planar_winograd {

using winograd::PhaseDomain;

Strip::Strip(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
    : layer(layer),
      kernels(kernels),
      plan(plan),
      arguments(arguments),
      block(static_cast<int64_t>(kernels.planar_vectors * kernels.lanes)),
      in_place(plan.workspace.rows == 0) {
  const WorkspaceLayout& w = plan.workspace;
  float* at = reinterpret_cast<float*>(arguments.workspace) + static_cast<int64_t>(slot) * w.floats();
  const auto part = [&at](int64_t floats) {
    float* const first = at;
    at += floats;
    return first;
  };
  u = part(w.u);
  t = part(w.t);
  y = part(w.y);
  stage = part(w.stage);
  rows = part(w.rows);
  gather = part(w.gather);
  bias = part(w.columns);
  slopes = bias + plan.row_pitch;
  zeros = part(w.zeros);
  periods = part(w.periods);
  term = reinterpret_cast<arch::OverlapTerm*>(part(w.terms));
  segment = reinterpret_cast<arch::PlanarSegment*>(part(w.segments));
  std::memset(zeros, 0, static_cast<size_t>(w.zeros) * sizeof(float));
}

void Strip::take(const TileTask& next) {
  const Geometry& g = layer.geometry;
  task = next;
  z = outer_taps(layer, 0, task.plane);
  input = arguments.input + task.image * g.input_pitch.batch + task.group * layer.in_per_group * g.input_pitch.channel;
  const auto plane = [&](auto* base, const Pitch& pitch) {
    return base + task.image * pitch.batch + task.group * layer.out_per_group * pitch.channel + task.plane * pitch.plane;
  };
  output = plane(arguments.output, g.output_pitch);
  if (arguments.residual != nullptr) residual = plane(arguments.residual, g.residual_pitch);
}

void Strip::move_to(int64_t first, int64_t q_end) {
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  q = first;
  count = std::min(plan.strip, q_end - q);
  begin = x.stride * q;
  end = q + count == q_end ? g.output[2] : x.stride * (q + count);
  window = q - plan.largest_shift;
  x_begin = std::clamp<int64_t>(window, 0, x.input);
  x_end = std::clamp<int64_t>(window + count + plan.reach, x_begin, x.input);
  columns_channel = -1;
  live = z.phase != nullptr && x_end > x_begin;
}

namespace {

// The tiles of a task, a strip at a time.
class TileRun {
 public:
  TileRun(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : strip_(layer, kernels, plan, arguments, slot), layer_(layer), plan_(plan) {}

  void run(const TileTask& task) {
    strip_.take(task);
    const int64_t q_end = ceil_div(layer_.output(2), layer_.axis(2).stride);
    for (int64_t q = 0; q < q_end; q += plan_.strip) {
      strip_.move_to(q, q_end);
      if (strip_.live) clear_margins(strip_);
      bool follows = false;
      for (int64_t tile = task.first; tile < task.last; ++tile) {
        strip_.move_to_tile(tile);
        const bool any = has_outputs();
        if (strip_.live && any) transform_inputs(strip_, tile, follows);
        follows = any;
        pieces_ = tile + 1 < task.last ? plan_.asking.pieces * strip_.z.taps : 0;
        if (any) run_chunks();
      }
    }
  }

 private:
  // Phases whose taps begin far apart leave tiles between them that none has outputs in.
  bool has_outputs() const {
    for (const PhaseDomain& phase : plan_.y.phase) {
      for (int64_t i = 0; i < plan_.y.outputs; ++i) {
        const int64_t g = strip_.first_g + plan_.y.step * i;
        if (g >= phase.begin && g < phase.end) return true;
      }
    }
    return false;
  }

  void run_chunks() {
    const int64_t phases = layer_.axis(1).stride;
    const float* weights = strip_.live ? plan_.weights.data() + strip_.task.group * plan_.group_weights +
                                             plan_.z_weights_at[static_cast<size_t>(strip_.z.number)]
                                       : nullptr;
    asked_ = 0;
    Chunk chunk{};
    for (chunk.first_phase = 0; chunk.first_phase < phases; chunk.first_phase += plan_.chunk.phases) {
      chunk.last_phase = std::min(phases, chunk.first_phase + plan_.chunk.phases);
      for (chunk.first_channel = 0; chunk.first_channel < layer_.out_per_group; chunk.first_channel += plan_.chunk.channels) {
        chunk.channels = std::min(plan_.chunk.channels, layer_.out_per_group - chunk.first_channel);
        for (int64_t point = 0; strip_.live && point < plan_.y.points; ++point) weights = multiply(chunk, point, weights);
        for (int64_t i = chunk.first_phase; i < chunk.last_phase; ++i) finish_phase(strip_, chunk, i);
      }
    }
  }

  // T and Y of one point, for the chunk; returns the weights of the next point.
  const float* multiply(const Chunk& chunk, int64_t point, const float* weights) {
    const int64_t kernel = layer_.axis(2).kernel;
    const int64_t rows = active_phases(plan_, chunk.first_phase, chunk.last_phase, point) * chunk.channels * kernel;
    plan_.row_blocks.each(rows, [&](int64_t begin, int64_t size) {
      arch::PlanarTile tile{};
      tile.segment = strip_.segment;
      tile.segments = 0;
      for (int64_t jz = 0; jz < strip_.z.taps; ++jz, weights += layer_.in_per_group * size) {
        if (!strip_.inside(0, strip_.z.input(jz))) continue;
        strip_.segment[tile.segments++] = {strip_.u + (jz * plan_.y.points + point) * plan_.point_pitch, weights};
      }
      tile.channels = static_cast<size_t>(layer_.in_per_group);
      tile.channel_stride = strip_.block;
      tile.block_stride = layer_.in_per_group * strip_.block;
      tile.t = strip_.t + begin * plan_.t_pitch + strip_.x_begin - strip_.window;
      tile.t_stride = plan_.t_pitch;
      tile.count = static_cast<size_t>(strip_.columns());
      if (asked_ < pieces_ && (plan_.asking.all || begin != 0 || size == rows)) ask_for_rows(strip_, asked_++, &tile);
      strip_.kernels.planar[size - 1](tile);
    });
    const float* t = strip_.t;
    for (int64_t i = chunk.first_phase; i < chunk.last_phase; ++i) {
      if (active_phases(plan_, i, i + 1, point) == 0) continue;
      const int64_t first_point = plan_.y.phase[static_cast<size_t>(i)].first_point;
      overlap(strip_, chunk, t, strip_.row_of(chunk, i, 0) + (point - first_point) * plan_.row_pitch);
      t += chunk.channels * kernel * plan_.t_pitch;
    }
    return weights;
  }

  Strip strip_;
  const Layer& layer_;
  const Plan& plan_;
  int64_t pieces_ = 0;  // of the next tile's rows, to be asked for while this one's products are made
  int64_t asked_ = 0;
};

}  // namespace

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const TileTasks tasks(layer, plan, arguments.parallelism);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { TileRun(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::planar_winograd
