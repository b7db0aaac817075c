#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "input_rows.hpp"
#include "outer_taps.hpp"
#include "planar.hpp"
#include "row_tasks.hpp"
#include "tasks.hpp"

namespace tconv::planar {
namespace {

// One thread's workspace, in floats but for the segments.
struct WorkspaceLayout {
  int64_t copies;  // [z tap][input row][channel][row_pitch]
  int64_t t;       // [slot][channel of the chunk][strip]
  int64_t row;     // one interleaved strip, for the residual
  int64_t segment_bytes;
  size_t bytes() const {
    return static_cast<size_t>(((copies + t + row) * static_cast<int64_t>(sizeof(float)) + segment_bytes + 63) / 64 * 64);
  }
};

WorkspaceLayout workspace_layout(const Layer& layer, const Plan& plan) {
  const int64_t chunk = ceil_div(layer.out_per_group, plan.chunks);
  return {plan.copied_rows * layer.in_per_group * plan.row_pitch, plan.slots * chunk * plan.strip,
          layer.description.residual ? layer.axis(2).stride * plan.strip : 0,
          ceil_div(plan.segments * static_cast<int64_t>(sizeof(arch::PlanarSegment)), 64) * 64};
}

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    const WorkspaceLayout workspace = workspace_layout(layer, plan);
    unsigned char* const own = arguments.workspace + slot * workspace.bytes();
    segment_ = reinterpret_cast<arch::PlanarSegment*>(own);
    copies_ = reinterpret_cast<float*>(own + workspace.segment_bytes);
    t_ = copies_ + workspace.copies;
    row_ = t_ + workspace.t;
  }

  // The parts of a task are chunks of channels.
  void run(const RowTask& task) {
    const Geometry& g = layer_.geometry;
    const Axis& x = g.axis[2];
    z_ = outer_taps(layer_, 0, task.plane);
    y_ = outer_taps(layer_, 1, task.first_row);
    group_ = task.group;
    rows_ = task.rows;
    input_ = task.input(arguments_.input, g.input_pitch);
    output_ = task.output(arguments_.output, g.output_pitch);
    if (arguments_.residual != nullptr) residual_ = task.output(arguments_.residual, g.residual_pitch);
    const bool live = z_.phase != nullptr && y_.phase != nullptr;
    const int64_t q_end = floor_div(g.output[2] - 1 + x.pad_begin, x.stride) + 1;
    for (q_ = x.pad_begin / x.stride; q_ < q_end; q_ += plan_.strip) {
      count_ = std::min(plan_.strip, q_end - q_);
      if (live) copy_inputs();
      for (int64_t row = 0; row < rows_; ++row) {
        for (int64_t chunk = task.first_part; chunk < task.last_part; ++chunk) {
          channels_ = chunk_of(layer_, plan_, chunk);
          multiply(live, row);
          store(row);
        }
      }
    }
  }

 private:
  float* copy_of(int64_t z_slot, int64_t iy) const {
    return copies_ + (z_slot * copied_rows_ + iy - first_copied_row_) * layer_.in_per_group * plan_.row_pitch;
  }

  void copy_inputs() {
    const Geometry& g = layer_.geometry;
    first_copied_row_ = std::max<int64_t>(0, y_.input(y_.taps - 1));
    const int64_t end = std::min(g.axis[1].input, y_.input(0, rows_ - 1) + 1);
    copied_rows_ = std::max<int64_t>(0, end - first_copied_row_);
    first_z_tap_ = -1;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      const int64_t iz = z_.input(jz);
      if (iz < 0 || iz >= g.axis[0].input) continue;
      if (first_z_tap_ < 0) first_z_tap_ = jz;
      for (int64_t iy = first_copied_row_; iy < end; ++iy) {
        const float* row = input_ + iz * g.input_pitch.plane + iy * g.input_pitch.row;
        float* to = copy_of(jz - first_z_tap_, iy);
        for (int64_t ci = 0; ci < layer_.in_per_group; ++ci, row += g.input_pitch.channel, to += plan_.row_pitch) {
          copy_planar_row(layer_, kernels_, row, q_ - plan_.window_first, q_ - plan_.window_first + plan_.row_pitch, to);
        }
      }
    }
  }

  // T of one chunk: one row per (slot, channel).
  void multiply(bool live, int64_t row) {
    const int64_t channels = channels_.end - channels_.begin;
    const size_t row_bytes = static_cast<size_t>(plan_.strip) * sizeof(float);
    if (!live || (plan_.slot_per_phase && plan_.slots != static_cast<int64_t>(layer_.phases[2].live.size()))) {
      std::memset(t_, 0, static_cast<size_t>(plan_.slots * channels) * row_bytes);
    }
    if (!live) return;
    const int64_t block_rows = static_cast<int64_t>(kernels_.planar_rows);
    int64_t live_slot = 0;
    for (size_t i = 0; i < plan_.groups.size(); ++i) {
      const PhaseGroup& group = plan_.groups[i];
      const int64_t steps = z_.taps * y_.taps * group.taps * layer_.in_per_group;
      const size_t at =
          (static_cast<size_t>(z_.number) * layer_.phases[1].live.size() + static_cast<size_t>(y_.number)) * plan_.groups.size() +
          i;
      const float* weights =
          plan_.weights.data() + group_ * plan_.group_weights + plan_.weights_at[at] + steps * group.count * channels_.begin;
      const int64_t rows = group.count * channels;
      const int64_t blocks = row_blocks(rows, block_rows);
      const int64_t slot = plan_.slot_per_phase ? group.first : live_slot;
      for (int64_t b = 0; b < blocks; ++b) {
        const Chunk block = row_block_of(rows, blocks, b);
        const int64_t size = block.end - block.begin;
        arch::PlanarTile tile{};
        tile.segment = segment_;
        tile.segments = build_segments(group, row, size, weights);
        tile.channels = static_cast<size_t>(layer_.in_per_group);
        tile.x_stride = plan_.row_pitch;
        tile.t = t_ + (slot * channels + block.begin) * plan_.strip;
        tile.t_stride = plan_.strip;
        tile.count = static_cast<size_t>(count_);
        kernels_.planar[size - 1](tile);
        weights += steps * size;
      }
      live_slot += group.count;
    }
  }

  size_t build_segments(const PhaseGroup& group, int64_t row, int64_t block_rows, const float* weights) {
    const Geometry& g = layer_.geometry;
    size_t n = 0;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      const int64_t iz = z_.input(jz);
      for (int64_t jy = 0; jy < y_.taps; ++jy) {
        const int64_t iy = y_.input(jy, row);
        for (int64_t jx = 0; jx < group.taps; ++jx, weights += layer_.in_per_group * block_rows) {
          if (iz < 0 || iz >= g.axis[0].input || iy < 0 || iy >= g.axis[1].input) continue;
          const int64_t back = group.input_offset + jx * layer_.phases[2].input_step;
          // A tap that meets the zeros alone adds nothing.
          if (q_ + count_ - 1 - back < 0 || q_ - back >= g.axis[2].input) continue;
          segment_[n++] = {copy_of(jz - first_z_tap_, iy) + plan_.window_first - back, weights};
        }
      }
    }
    return n;
  }

  // Output positions [begin, end) that the strip covers.
  void store(int64_t row) {
    const Geometry& g = layer_.geometry;
    const Axis& x = g.axis[2];
    const int64_t begin = std::max<int64_t>(0, x.stride * q_ - x.pad_begin);
    const int64_t end = std::min(g.output[2], x.stride * (q_ + count_) - x.pad_begin);
    const int64_t channels = channels_.end - channels_.begin;
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t co = channels_.begin + c;
      const size_t parameter = static_cast<size_t>(group_ * layer_.out_per_group + co);
      const arch::RowEpilogue e{plan_.bias[parameter], plan_.slopes.size() != 0 ? plan_.slopes[parameter] : 0.0f, epilogue_};
      float* const y = output_ + co * g.output_pitch.channel + row * g.axis[1].stride * g.output_pitch.row;
      const size_t n = static_cast<size_t>(end - begin);
      if (residual_ == nullptr) {
        for (int64_t slot = 0; slot < plan_.slots; ++slot) {
          float* const t = t_ + (slot * channels + c) * plan_.strip;
          kernels_.row_epilogue(t, static_cast<size_t>(count_), e);
          if (activation_ != nullptr) activation_(t, static_cast<size_t>(count_), layer_.description.activation.alpha);
        }
        float dead = 0;
        if (!plan_.slot_per_phase) {
          kernels_.row_epilogue(&dead, 1, e);
          if (activation_ != nullptr) activation_(&dead, 1, layer_.description.activation.alpha);
        }
        interleave(c, channels, begin, end, dead, y + begin);
      } else {
        interleave(c, channels, begin, end, 0.0f, row_);
        const float* const r = residual_ + co * g.residual_pitch.channel + row * g.axis[1].stride * g.residual_pitch.row + begin;
        kernels_.row_residual(row_, r, y + begin, n, e);
        if (activation_ != nullptr) activation_(y + begin, n, layer_.description.activation.alpha);
      }
    }
  }

  // to[o - begin] for o in [begin, end) from the rows of T of channel c; dead phases get `dead`.
  void interleave(int64_t c, int64_t channels, int64_t begin, int64_t end, float dead, float* to) {
    const Axis& x = layer_.axis(2);
    const float* const t = t_ + c * plan_.strip;
    const int64_t slot_pitch = channels * plan_.strip;
    if (!plan_.slot_per_phase) {
      if (static_cast<int64_t>(layer_.phases[2].live.size()) != x.stride) std::fill(to, to + (end - begin), dead);
      int64_t slot = 0;
      for (const LivePhase& phase : layer_.phases[2].live) {
        const float* const from = t + slot++ * slot_pitch;
        for (int64_t i = 0; i < count_; ++i) {
          const int64_t o = x.stride * (q_ + i) + phase.index - x.pad_begin;
          if (o >= begin && o < end) to[o - begin] = from[i];
        }
      }
      return;
    }
    // Whole groups of phases at once; the first and last may be cut.
    const int64_t origin = x.stride * q_ - x.pad_begin;
    const int64_t first = ceil_div(begin - origin, x.stride);
    const int64_t last = std::max(first, (end - origin) / x.stride);
    const auto cut = [&](int64_t from, int64_t below) {
      for (int64_t o = from; o < below; ++o) to[o - begin] = t[(o - origin) % x.stride * slot_pitch + (o - origin) / x.stride];
    };
    cut(begin, std::min(end, origin + x.stride * first));
    if (last > first) {
      kernels_.interleave(t + first, slot_pitch, static_cast<size_t>(x.stride), static_cast<size_t>(last - first),
                          to + (origin + x.stride * first - begin));
    }
    cut(std::max(begin, origin + x.stride * last), end);
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;
  arch::PlanarSegment* segment_ = nullptr;
  float* copies_ = nullptr;
  float* t_ = nullptr;
  float* row_ = nullptr;

  // Of the rows at hand.
  OuterTaps z_, y_;
  int64_t group_ = 0;
  int64_t rows_ = 0;
  int64_t first_copied_row_ = 0;
  int64_t copied_rows_ = 0;
  int64_t first_z_tap_ = 0;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  const float* residual_ = nullptr;
  // Of the strip at hand.
  int64_t q_ = 0;
  int64_t count_ = 0;
  Chunk channels_{};
};

}  // namespace

size_t workspace_bytes(const Layer& layer, const Plan& plan) { return workspace_layout(layer, plan).bytes(); }

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const RowTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.rows_per_task, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(), [&](int64_t index, size_t slot) {
    const RowTask task = tasks[index];
    if (task.rows <= 0) return;
    Task(layer, kernels, plan, arguments, slot).run(task);
  });
}

}  // namespace tconv::planar
