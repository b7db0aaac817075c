// The rows of planar_sums.hpp: copies of inputs between zeros, lists of terms, calls of the kernel.
#include <algorithm>
#include <cstring>

#include "checked.hpp"
#include "input_rows.hpp"
#include "outer_taps.hpp"
#include "period_tasks.hpp"
#include "planar_finish.hpp"
#include "planar_sums.hpp"
#include "tasks.hpp"

namespace tconv::planar {
namespace {

int64_t rounded(int64_t x, int64_t unit) { return ceil_div(x, unit) * unit; }

// One thread's workspace: floats first, each part a multiple of 16 of them.
struct WorkspaceLayout {
  int64_t copies;      // [z tap][channel][input row]
  int64_t rows;        // finished rows of a chunk that are stored by another kernel, and one for a residual
  int64_t term_bytes;  // [call of a chunk]
  size_t bytes() const { return static_cast<size_t>((copies + rows) * static_cast<int64_t>(sizeof(float)) + term_bytes); }
};

WorkspaceLayout workspace_layout(const Layer& layer, const Plan& plan) {
  const int64_t terms = layer.in_per_group * layer.phases[0].most_taps() * layer.phases[1].most_taps() * layer.axis(2).kernel;
  // The last row's last vector reaches beyond it.
  return {rounded(sums_z_rows(layer) * layer.in_per_group * plan.channel_pitch + 16, 16),
          sums_store_rows(layer) ? 0 : rounded((plan.chunk_channels + 1) * strip_end(layer, 0, plan.strip), 16),
          rounded(terms * ceil_div(plan.chunk_channels, plan.lines) * static_cast<int64_t>(sizeof(arch::PlanarSumTerm)), 64)};
}

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        finisher_(layer, kernels, plan, arguments),
        clamps_(arch::is_clamp(finisher_.epilogue().kind)) {
    const WorkspaceLayout workspace = workspace_layout(layer, plan);
    unsigned char* const own = arguments.workspace + slot * workspace.bytes();
    copies_ = reinterpret_cast<float*>(own);
    float* const rows = copies_ + workspace.copies;
    term_ = reinterpret_cast<arch::PlanarSumTerm*>(rows + workspace.rows);
    finisher_.use({rows, nullptr, nullptr});
    sums_.phases = static_cast<size_t>(layer.axis(2).stride);
    sums_.x_stride = plan.t_pitch;
    sums_.pixels = sums_make_pixels(layer);
    if (clamps_ && arguments.residual == nullptr) sums_.clamp = finisher_.epilogue();
  }

  void run(const PeriodTask& task) {
    const Geometry& g = layer_.geometry;
    task_ = task;
    z_ = outer_taps(layer_, 0, task.plane);
    first_z_tap_ = first_z_tap(layer_, z_);
    const int64_t q_end = ceil_div(g.output[2], g.axis[2].stride);
    for (int64_t q = 0; q < q_end; q += plan_.strip) {
      strip_ = strip_at(layer_, plan_, q);
      clear_margins();
      for (first_ = task.first; first_ < task.last; first_ = last_) {
        last_ = std::min(task.last, first_ + plan_.periods_per_block);
        if (z_.phase != nullptr) copy_inputs();
        const int64_t phases = std::min(g.axis[1].stride, g.output[1] - first_ * g.axis[1].stride);
        for (int64_t chunk = task.first_chunk; chunk < task.last_chunk; ++chunk) {
          choose_chunk(chunk);
          for (int64_t phase = 0; phase < phases; ++phase) phase_rows(phase);
        }
      }
    }
  }

 private:
  bool inside(int a, int64_t i) const { return i >= 0 && i < layer_.axis(a).input; }

  void choose_chunk(int64_t chunk) {
    first_channel_ = chunk * plan_.chunk_channels;
    channels_ = std::min(plan_.chunk_channels, layer_.out_per_group - first_channel_);
  }

  // The lines of the chunk from `line` on that are made by one call.
  int64_t lines_from(int64_t line) const { return std::min(plan_.lines, channels_ - line); }

  // Neighbouring taps with neighbouring phases, where all phases have one at the same shift.
  bool is_shared(int64_t t) const {
    const Axis& x = layer_.axis(2);
    if (x.stride == 1) return true;
    if (x.dilation != 1) return false;
    const int64_t first = t - plan_.x_taps[static_cast<size_t>(t)].phase;
    return first >= 0 && first + x.stride <= x.kernel;
  }

  float* copy_of(int64_t jz) const { return copies_ + (jz - first_z_tap_) * layer_.in_per_group * plan_.channel_pitch; }

  // Where pixels are copied to, what lies beside the image stays zero while the strip does.
  void clear_margins() {
    if (layer_.geometry.input_pitch.pixel == 1) return;
    const int64_t begin = left();
    const int64_t end = begin + strip_.x_end - strip_.x_begin;
    for (int64_t c = 0; c < sums_z_rows(layer_) * layer_.in_per_group; ++c) {
      for (int64_t row = 0; row < plan_.copied_rows; ++row) {
        float* const copy = copies_ + c * plan_.channel_pitch + row * plan_.t_pitch;
        std::memset(copy, 0, static_cast<size_t>(begin) * sizeof(float));
        std::memset(copy + end, 0, static_cast<size_t>(plan_.t_pitch - end) * sizeof(float));
      }
    }
  }

  // Floats of a row before the first column of the image; all of them where the strip lies beyond the reach of all taps.
  int64_t left() const { return strip_.x_begin == strip_.x_end ? plan_.t_pitch : plan_.lead + strip_.x_begin - strip_.window; }

  // The input rows that the periods at hand meet, as planes, zeros beside the image.
  void copy_inputs() {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const float* const input = arguments_.input + task_.image * pitch.batch + task_.group * layer_.in_per_group * pitch.channel;
    first_row_ = std::clamp<int64_t>(plan_.first_input + first_, 0, layer_.axis(1).input);
    rows_ = std::max<int64_t>(0, std::min(layer_.axis(1).input, plan_.last_input + last_) - first_row_);
    for (int64_t jz = 0; jz < z_.taps && rows_ > 0; ++jz) {
      if (!inside(0, z_.input(jz))) continue;
      const float* const from = input + z_.input(jz) * pitch.plane + first_row_ * pitch.row + strip_.x_begin * pitch.pixel;
      if (pitch.pixel == 1) {
        for (int64_t c = 0; c < layer_.in_per_group; ++c) {
          kernels_.pad_rows(from + c * pitch.channel, neighbour_distance(rows_, 1, pitch.row), static_cast<size_t>(rows_),
                            static_cast<size_t>(strip_.x_end - strip_.x_begin), static_cast<size_t>(left()),
                            copy_of(jz) + c * plan_.channel_pitch, static_cast<size_t>(plan_.t_pitch));
        }
      } else {
        copy_pixels(from, copy_of(jz) + left());
      }
      for (int64_t c = 0; layer_.has_input_activation() && c < layer_.in_per_group; ++c)
        activate_input(layer_, kernels_, copy_of(jz) + c * plan_.channel_pitch, static_cast<size_t>(rows_ * plan_.t_pitch));
    }
  }

  void copy_pixels(const float* from, float* to) const {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const int64_t channels = layer_.in_per_group;
    const int64_t columns = strip_.x_end - strip_.x_begin;
    for (int64_t row = 0; row < rows_ && columns > 0; ++row, to += plan_.t_pitch, from += pitch.row) {
      if (channels > 4) {
        kernels_.pixel_planes(from, pitch.pixel, static_cast<size_t>(columns), static_cast<size_t>(channels), to, block(),
                              plan_.channel_pitch);
      } else {
        kernels_.transpose(from, pitch.pixel, static_cast<size_t>(columns), static_cast<size_t>(channels), to, plan_.channel_pitch);
      }
    }
  }

  int64_t block() const { return static_cast<int64_t>(kernels_.planar_vectors * kernels_.lanes); }

  // The rows of a y-phase (counted from output 0) in the periods at hand: those that meet the same taps together.
  void phase_rows(int64_t phase) {
    const Geometry& g = layer_.geometry;
    const int64_t stride = g.axis[1].stride;
    oy_ = first_ * stride + phase;
    int64_t left = std::min(last_ - first_, ceil_div(g.output[1] - oy_, stride));
    y_ = outer_taps(layer_, 1, oy_);
    for (;;) {
      const int64_t rows = std::min(rows_alike(left), plan_.rows_together);
      list_terms();
      make_rows(rows);
      left -= rows;
      if (left == 0) break;  // the next row may be beyond all numbers
      y_.first_input += rows;
      oy_ += rows * stride;
    }
  }

  bool live() const { return z_.phase != nullptr && y_.phase != nullptr; }

  // How many rows from the one at hand on meet the same taps.
  int64_t rows_alike(int64_t rows) const {
    const int64_t height = layer_.axis(1).input;
    for (int64_t j = 0; live() && j < y_.taps; ++j) {
      const int64_t iy = y_.input(j);
      if (iy < height) rows = std::min(rows, iy < 0 ? -iy : height - iy);
    }
    return rows;
  }

  // Those of all lines of the chunk: each call has as many.
  void list_terms() {
    arch::PlanarSumTerm* term = term_;
    for (int64_t line = 0; line < channels_; line += plan_.lines) {
      const arch::PlanarSumTerm* const first = term;
      const auto append = [&](int64_t phase, bool shared) {
        const arch::PlanarSumTerm* const begin = term;
        for (int64_t t = 0; live() && t < layer_.axis(2).kernel; ++t) {
          if (plan_.x_taps[static_cast<size_t>(t)].phase == phase && is_shared(t) == shared) term = list_terms_of(line, t, term);
        }
        return static_cast<size_t>(term - begin);
      };
      sums_.shared = append(0, true);
      for (int64_t phase = 0; phase < layer_.axis(2).stride; ++phase) sums_.own[phase] = append(phase, false);
      terms_ = term - first;
    }
  }

  // Of one tap of x; returns the end.
  arch::PlanarSumTerm* list_terms_of(int64_t line, int64_t t, arch::PlanarSumTerm* term) const {
    const Geometry& g = layer_.geometry;
    const int64_t lines = lines_from(line);
    const int64_t channel = task_.group * layer_.out_per_group + first_channel_ + line;
    const float* const weights = plan_.weights.data() + channel * layer_.in_per_group * g.taps;
    const int64_t origin = plan_.lead + plan_.largest_shift - plan_.x_taps[static_cast<size_t>(t)].shift;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      if (!inside(0, z_.input(jz))) continue;
      const int64_t tz = z_.phase->first_tap + jz * layer_.phases[0].tap_step;
      for (int64_t jy = 0; jy < y_.taps; ++jy) {
        const int64_t iy = y_.input(jy);
        if (!inside(1, iy)) continue;
        const int64_t ty = y_.phase->first_tap + jy * layer_.phases[1].tap_step;
        const int64_t tap = tz * g.axis[1].kernel + ty;
        const float* const row = copy_of(jz) + (iy - first_row_) * plan_.t_pitch + origin;
        const float* const w = weights + (tap * layer_.in_per_group * g.axis[2].kernel + t) * lines;
        for (int64_t ci = 0; ci < layer_.in_per_group; ++ci)
          *term++ = {row + ci * plan_.channel_pitch, w + ci * g.axis[2].kernel * lines};
      }
    }
    return term;
  }

  // One call: `rows` rows of some lines, to y.
  void make_lines(int64_t line, int64_t rows, float* y) {
    const size_t channel = static_cast<size_t>(task_.group * layer_.out_per_group + first_channel_ + line);
    static constexpr float zeros[arch::PlanarSums::max_sums] = {};
    sums_.bias = arguments_.residual == nullptr ? plan_.bias.data() + channel : zeros;
    sums_.lines = static_cast<size_t>(lines_from(line));
    sums_.term = term_ + line / plan_.lines * terms_;
    sums_.rows = static_cast<size_t>(rows);
    sums_.y = y;
    kernels_.sums(sums_);
  }

  void make_rows(int64_t rows) {
    const int64_t channel = task_.group * layer_.out_per_group + first_channel_;
    const Pitch& pitch = layer_.geometry.output_pitch;
    const int64_t n = strip_.end - strip_.begin;
    sums_.count = static_cast<size_t>(strip_.count);
    sums_.cut = static_cast<size_t>(strip_.count * layer_.axis(2).stride - n);
    if (!stores_rows_) return make_scratch_rows(rows);
    sums_.y_stride = neighbour_distance(rows, layer_.axis(1).stride, pitch.row);
    sums_.y_line = neighbour_distance(channels_, 1, pitch.channel);
    float* const y = finisher_.output_row(task_.image, channel, task_.plane, oy_) + strip_.begin * pitch.pixel;
    for (int64_t line = 0; line < channels_; line += plan_.lines) {
      make_lines(line, rows, y + line * sums_.y_line);
      if (sums_.pixels) {
        for (int64_t row = 0; row < rows; ++row) finisher_.activate(y + row * sums_.y_stride, n * channels_);
        return;
      }
      for (int64_t c = line; c < line + lines_from(line); ++c) {
        for (int64_t row = 0; row < rows; ++row) finish(y + c * sums_.y_line + row * sums_.y_stride, n, channel + c);
      }
    }
  }

  // What the kernel does not do.
  void finish(float* y, int64_t n, int64_t channel) const {
    if (!clamps_) finisher_.apply(y, n, channel);
    finisher_.activate(y, n);
  }

  void make_scratch_rows(int64_t rows) {
    const int64_t channel = task_.group * layer_.out_per_group + first_channel_;
    const int64_t n = strip_.end - strip_.begin;
    const int64_t calls = ceil_div(channels_, plan_.lines);
    float* const y = finisher_.rows();
    sums_.y_line = n;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t oy = oy_ + row * layer_.axis(1).stride;
      for (int64_t line = 0; line < channels_; line += plan_.lines) make_lines(line, 1, y + line * n);
      for (int64_t c = 0; c < channels_; ++c) {
        if (arguments_.residual != nullptr) {
          finisher_.add_residual(strip_, task_.image, channel, c, task_.plane, oy, y + c * n);
        } else {
          finish(y + c * n, n, channel + c);
        }
      }
      finisher_.store_pixels(strip_, task_.image, channel, channels_, task_.plane, oy);
      for (int64_t i = 0; i < calls * terms_; ++i) term_[i].x += plan_.t_pitch;
    }
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  Finisher finisher_;
  const bool clamps_;
  const bool stores_rows_ = sums_store_rows(layer_);
  float* copies_ = nullptr;
  arch::PlanarSumTerm* term_ = nullptr;
  arch::PlanarSums sums_{};

  PeriodTask task_{};
  Strip strip_;
  int64_t first_z_tap_ = 0;
  int64_t first_ = 0;  // the periods at hand
  int64_t last_ = 0;
  int64_t first_row_ = 0;  // the copied input rows
  int64_t rows_ = 0;
  OuterTaps z_, y_;
  int64_t oy_ = 0;
  int64_t terms_ = 0;
  // Of the chunk at hand.
  int64_t first_channel_ = 0;
  int64_t channels_ = 0;
};

}  // namespace

size_t sums_workspace_bytes(const Layer& layer, const Plan& plan) { return workspace_layout(layer, plan).bytes(); }

void run_sums(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const PeriodTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { Task(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::planar
