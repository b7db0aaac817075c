// Planar, one input channel a group: the rows that overlap in the output are the input rows themselves, times the weight of a tap.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "input_rows.hpp"
#include "outer_taps.hpp"
#include "period_tasks.hpp"
#include "planar.hpp"
#include "planar_finish.hpp"
#include "tasks.hpp"

namespace tconv::planar {
namespace {

int64_t rounded(int64_t x, int64_t unit) { return ceil_div(x, unit) * unit; }

// One thread's workspace: floats first, each part a multiple of 16 of them.
struct WorkspaceLayout {
  int64_t copies;   // [z tap][input row][t_pitch]
  int64_t rows;     // finished rows that are not made in place
  int64_t periods;  // one phase of a row, where they are not interleaved in registers
  int64_t term_bytes;
  size_t bytes() const { return static_cast<size_t>((copies + rows + periods) * static_cast<int64_t>(sizeof(float)) + term_bytes); }
};

WorkspaceLayout workspace_layout(const Layer& layer, const Plan& plan) {
  const int64_t stride = layer.axis(2).stride;
  // The last row's last vector reaches beyond it.
  return {rounded(plan.copied_rows * plan.t_pitch + 16, 16),
          rows_in_place(layer) ? 0 : rounded(2 * strip_end(layer, 0, plan.strip), 16),
          stride > arch::KernelTable::max_overlap_phases ? rounded(plan.strip, 16) : 0,
          rounded(plan.terms * static_cast<int64_t>(sizeof(arch::OverlapTerm)), 64)};
}

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer), kernels_(kernels), plan_(plan), arguments_(arguments), finisher_(layer, kernels, plan, arguments) {
    const WorkspaceLayout workspace = workspace_layout(layer, plan);
    unsigned char* const own = arguments.workspace + slot * direct_workspace_bytes(layer, kernels, plan);
    copies_ = reinterpret_cast<float*>(own);
    float* const rows = copies_ + workspace.copies;
    float* const periods = rows + workspace.rows;
    finisher_.use({rows, periods, reinterpret_cast<arch::OverlapTerm*>(periods + workspace.periods)});
  }

  void run(const PeriodTask& task) {
    const Geometry& g = layer_.geometry;
    task_ = task;
    z_ = outer_taps(layer_, 0, task.plane);
    first_z_tap_ = first_z_tap(layer_, z_);
    const int64_t q_end = ceil_div(g.output[2], g.axis[2].stride);
    for (int64_t q = 0; q < q_end; q += plan_.strip) {
      strip_ = strip_at(layer_, plan_, q);
      for (first_ = task.first; first_ < task.last; first_ = last_) {
        last_ = std::min(task.last, first_ + plan_.periods_per_block);
        if (z_.phase != nullptr) copy_inputs();
        const int64_t phases = std::min(g.axis[1].stride, g.output[1] - first_ * g.axis[1].stride);
        for (int64_t channel = task.first_chunk; channel < task.last_chunk; ++channel) {
          for (int64_t phase = 0; phase < phases; ++phase) phase_rows(channel, phase);
        }
      }
    }
  }

 private:
  bool inside(int a, int64_t i) const { return i >= 0 && i < layer_.axis(a).input; }

  void copy_inputs() {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const float* const input = arguments_.input + task_.image * pitch.batch + task_.group * pitch.channel;
    first_row_ = std::max<int64_t>(0, plan_.first_input + first_);
    rows_ = std::max<int64_t>(0, std::min(layer_.axis(1).input, plan_.last_input + last_) - first_row_);
    const bool plain = pitch.pixel == 1 && !layer_.has_input_activation();
    const bool none = strip_.x_begin == strip_.x_end;  // the strip lies beyond the reach of all taps
    const int64_t left = none ? plan_.t_pitch : strip_.x_begin - strip_.window;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      const int64_t iz = z_.input(jz);
      if (!inside(0, iz) || rows_ == 0) continue;
      const float* const from = input + iz * pitch.plane + first_row_ * pitch.row;
      float* const to = copies_ + (jz - first_z_tap_) * rows_ * plan_.t_pitch;
      if (plain) {
        kernels_.pad_rows(from + strip_.x_begin, neighbour_distance(rows_, 1, pitch.row), static_cast<size_t>(rows_),
                          static_cast<size_t>(strip_.x_end - strip_.x_begin), static_cast<size_t>(left), to,
                          static_cast<size_t>(plan_.t_pitch));
        continue;
      }
      for (int64_t row = 0; row < rows_; ++row) {
        copy_channel_row(layer_, kernels_, from + row * pitch.row, strip_.window, strip_.window + plan_.t_pitch,
                         to + row * plan_.t_pitch);
      }
    }
  }

  // The rows of a y-phase (counted from output 0) in the periods at hand: those that meet the same taps together.
  void phase_rows(int64_t channel, int64_t phase) {
    const Geometry& g = layer_.geometry;
    const int64_t stride = g.axis[1].stride;
    const int64_t oy = first_ * stride + phase;
    const int64_t rows = std::min(last_ - first_, ceil_div(g.output[1] - oy, stride));
    y_ = outer_taps(layer_, 1, oy);
    channel_ = task_.group * layer_.out_per_group + channel;
    for (int64_t row = 0; row < rows;) {
      const int64_t alike = rows_alike(row, rows);
      row_ = row;
      const auto append = [this](int64_t p, arch::OverlapTerm* term, size_t at) { return append_terms(p, term, at); };
      if (alike > 1) {
        finisher_.finish_rows(strip_, finisher_.output_row(task_.image, channel_, task_.plane, oy + row * stride) + strip_.begin,
                              channel_, alike, plan_.t_pitch, neighbour_distance(alike, stride, g.output_pitch.row), append);
      } else {
        finisher_.finish(strip_, task_.image, channel_, 0, task_.plane, oy + row * stride, append);
        finisher_.store_pixels(strip_, task_.image, channel_, 1, task_.plane, oy + row * stride);
      }
      row += alike;
    }
  }

  bool live() const { return z_.phase != nullptr && y_.phase != nullptr; }

  // How many rows from `row` on may be done at once.
  int64_t rows_alike(int64_t row, int64_t rows) const {
    if (!finisher_.in_place() || !finisher_.few_phases()) return 1;
    if (!live()) return rows - row;
    if (y_.input(y_.taps - 1, row) < 0 || !inside(1, y_.input(0, row))) return 1;
    return std::min(rows - row, layer_.axis(1).input - y_.input(0, row));
  }

  size_t append_terms(int64_t phase, arch::OverlapTerm* term, size_t at) const {
    const LivePhase* const x = live() ? phase_from_output(layer_, 2, phase) : nullptr;
    if (x == nullptr) return at;
    const AxisPhases* const phases = layer_.phases;
    const Axis* const axis = layer_.geometry.axis;
    const float* const weights = plan_.weights.data() + channel_ * layer_.geometry.taps;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      if (!inside(0, z_.input(jz))) continue;
      const int64_t tz = z_.phase->first_tap + jz * phases[0].tap_step;
      for (int64_t jy = 0; jy < y_.taps; ++jy) {
        const int64_t iy = y_.input(jy, row_);
        if (!inside(1, iy)) continue;
        const float* const row = copies_ + ((jz - first_z_tap_) * rows_ + iy - first_row_) * plan_.t_pitch + plan_.largest_shift;
        const int64_t ty = y_.phase->first_tap + jy * phases[1].tap_step;
        for (int64_t j = 0; j < x->taps; ++j) {
          const int64_t t = x->first_tap + j * phases[2].tap_step;
          term[at++] = {row - plan_.x_taps[static_cast<size_t>(t)].shift, weights[(tz * axis[1].kernel + ty) * axis[2].kernel + t]};
        }
      }
    }
    return at;
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  Finisher finisher_;
  float* copies_ = nullptr;

  PeriodTask task_{};
  Strip strip_;
  int64_t first_z_tap_ = 0;
  int64_t first_ = 0;  // the periods at hand
  int64_t last_ = 0;
  int64_t first_row_ = 0;  // the copied input rows
  int64_t rows_ = 0;
  OuterTaps z_, y_;
  int64_t channel_ = 0;
  int64_t row_ = 0;
};

// Cycles, measured:
constexpr double call = 130;            // a list of terms, and the kernel called for it
constexpr double copied_row = 20;       // an input row
constexpr double gathered = 1.7;        // a number read from, or written to, pixels one by one
constexpr double gathered_far = 14;     // where a row of pixels does not stay in L1
constexpr double scattered = 2.5;       // an output, where phases are stored one by one
constexpr double stored_in_cache = 14;  // bytes of outputs a cycle, where they do not stay in L2

}  // namespace

double estimate_direct(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  const double lanes = static_cast<double>(kernels.lanes);
  const double input = static_cast<double>(g.input_elements);
  const double output = static_cast<double>(g.output_elements);
  const double channel_planes = static_cast<double>(layer.description.batch * layer.description.out_channels * g.output[0]);
  const double rows = channel_planes * static_cast<double>(g.output[1]);
  const double z_taps = static_cast<double>(g.axis[0].kernel) / static_cast<double>(g.axis[0].stride);
  const double y_taps = static_cast<double>(g.axis[1].kernel) / static_cast<double>(g.axis[1].stride);
  const double input_rows = channel_planes * z_taps * static_cast<double>(g.axis[1].input);
  const bool in_phases = x.stride <= arch::KernelTable::max_overlap_phases;
  const double stride = static_cast<double>(x.stride);
  const double count = static_cast<double>(ceil_div(g.output[2], x.stride));  // of each phase

  // Rows that meet all of their taps are one call for each phase of y.
  const bool together = rows_in_place(layer) && in_phases;
  const double at_borders = static_cast<double>(g.axis[1].kernel - 1 + g.axis[1].output_padding);
  const double calls =
      together ? std::min(rows, channel_planes * (at_borders + static_cast<double>(std::min(g.axis[1].stride, g.output[1]))))
               : rows;
  double cycles = calls * (call + 4 * z_taps * y_taps * static_cast<double>(x.kernel)) *
                  (in_phases ? 1 : std::min(stride, static_cast<double>(x.kernel)));
  const double vectors = std::ceil(count / lanes) + 0.5;
  cycles += rows * vectors * (z_taps * y_taps * static_cast<double>(x.kernel) + 2.5 * stride + 2);
  if (!in_phases) cycles += scattered * output;
  cycles += input_rows * (copied_row + 3 * static_cast<double>(x.input) / lanes);
  if (layer.description.layout == Layout::nhwc && layer.description.out_channels > 1) {
    const double pixel_row = static_cast<double>(g.output[2] * layer.description.out_channels) * sizeof(float);
    cycles += (input * z_taps + output) * (pixel_row > static_cast<double>(options.cache.l1 / 2) ? gathered_far : gathered);
  }
  if (output * sizeof(float) > static_cast<double>(options.cache.l2)) cycles += output * sizeof(float) / stored_in_cache;
  return cycles;
}

size_t direct_workspace_bytes(const Layer& layer, const arch::KernelTable&, const Plan& plan) {
  return (workspace_layout(layer, plan).bytes() + 63) / 64 * 64;
}

void run_direct(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const PeriodTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { Task(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::planar
