#include "planar_fused.hpp"

#include <algorithm>
#include <cstring>

#include "planar_rows.hpp"
#include "tasks.hpp"

namespace tconv::planar {
namespace {

class FusedTask : PeriodRows {
 public:
  FusedTask(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : PeriodRows(layer, kernels, plan, arguments, slot) {}

  void run(const PeriodTask& task) {
    each_row(
        task, [] {}, [](int64_t) {}, [this] { output_row(); });
  }

 private:
  void output_row() {
    const int64_t columns = live_ ? strip_.x_end - strip_.x_begin : 0;
    if (finisher_.in_place()) {
      // Some columns for all chunks, then the next: their inputs stay in L1.
      int64_t first = 0;
      do {
        const int64_t rest = columns - first - plan_.pass;
        const int64_t last = rest < block_ ? columns : first + plan_.pass;  // the last block may reach back over a whole one
        for (int64_t chunk = task_.first_chunk; chunk < task_.last_chunk; ++chunk) {
          choose_chunk(chunk);
          fuse(first, last);
        }
        first = last;
      } while (first < columns);
      return;
    }
    for (int64_t chunk = task_.first_chunk; chunk < task_.last_chunk; ++chunk) {
      choose_chunk(chunk);
      fuse(0, columns);
      const int64_t channel = task_.group * layer_.out_per_group + first_channel_;
      finisher_.store_pixels(strip_, task_.image, channel, channels_, task_.plane, oy_);
    }
  }

  // Finished outputs of the columns [first, last) of the strip for one chunk; after its last column also what no input reaches.
  void fuse(int64_t first, int64_t last) {
    const int64_t phases = layer_.axis(2).stride;
    const int64_t n = strip_.end - strip_.begin;
    const size_t channel = static_cast<size_t>(task_.group * layer_.out_per_group + first_channel_);
    arch::PlanarPeriods p{};
    p.segment = segment_;
    p.channels = static_cast<size_t>(layer_.in_per_group);
    p.channel_stride = plan_.in_place ? layer_.geometry.input_pitch.channel : block_;
    p.block_stride = plan_.in_place ? block_ : layer_.in_per_group * block_;
    p.asks = true;
    p.phases = static_cast<size_t>(phases);
    p.lines = static_cast<size_t>(channels_);
    p.bias = plan_.bias.data() + channel;
    p.slopes = plan_.slopes.size() != 0 ? plan_.slopes.data() + channel : nullptr;
    p.epilogue = finisher_.epilogue();
    float* const y = finisher_.in_place()
                         ? finisher_.output_row(task_.image, static_cast<int64_t>(channel), task_.plane, oy_) + strip_.begin
                         : finisher_.rows();
    line_stride_ = finisher_.in_place() ? layer_.geometry.output_pitch.channel : n;
    const int64_t whole = std::min(last, n / phases);  // the last period may be cut
    if (plan_.in_place) {
      fuse_in_place(p, y, first, whole);
    } else if (whole > first) {
      p.segments = list_copies(channels_ * phases, chunk_weights(), first / block_);
      fuse_columns(p, y + phases * first, line_stride_, whole - first);
    }
    const int64_t columns = live_ ? strip_.x_end - strip_.x_begin : 0;
    if (last == columns) {
      if (whole < columns) finish_period(p, y, whole);
      fill_dead(p, y, std::min(n, columns * phases), n);
    }
    for (int64_t c = 0; c < channels_; ++c) {
      const int64_t end = last == columns ? n : phases * last;
      finisher_.activate(y + c * line_stride_ + phases * first, end - phases * first);
    }
  }

  void fuse_columns(arch::PlanarPeriods& p, float* y, int64_t stride, int64_t count) {
    float* line[arch::KernelTable::max_planar_rows];
    for (int64_t c = 0; c < channels_; ++c) line[c] = y + c * stride;
    p.line = line;
    p.count = static_cast<size_t>(count);
    kernels_.periods(p);
  }

  // Whole blocks, then one block or vector that ends with the last column, and may do some columns again.
  void fuse_in_place(arch::PlanarPeriods& p, float* y, int64_t first, int64_t last) {
    const int64_t phases = layer_.axis(2).stride;
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const int64_t blocks = (last - first) / block_ * block_;
    if (blocks > 0) {
      p.segments = list_rows_in_place(channels_ * phases, chunk_weights(), first);
      fuse_columns(p, y + phases * first, line_stride_, blocks);
    }
    const int64_t rest = last - first - blocks;
    if (rest <= 0) return;
    const int64_t size = rest <= lanes ? lanes : block_;
    if (last < size) {  // a narrow image, cropped
      for (int64_t period = first; period < last; ++period) finish_period(p, y, period);
      return;
    }
    p.segments = list_rows_in_place(channels_ * phases, chunk_weights(), last - size);
    fuse_columns(p, y + phases * (last - size), line_stride_, size);
  }

  // One period of phases, as far as the output goes.
  void finish_period(arch::PlanarPeriods p, float* y, int64_t period) {
    const int64_t phases = layer_.axis(2).stride;
    const int64_t n = std::min(strip_.end - strip_.begin - period * phases, phases);
    const int64_t first = plan_.in_place ? std::min(period, strip_.x_end - strip_.x_begin - static_cast<int64_t>(kernels_.lanes))
                                         : period / block_ * block_;
    const int64_t columns = period - first + 1;
    p.segments = plan_.in_place ? list_rows_in_place(channels_ * phases, chunk_weights(), first)
                                : list_copies(channels_ * phases, chunk_weights(), period / block_);
    fuse_columns(p, periods_, phases * columns, columns);
    for (int64_t c = 0; c < channels_; ++c) {
      std::memcpy(y + c * line_stride_ + period * phases, periods_ + ((c + 1) * columns - 1) * phases,
                  static_cast<size_t>(n) * sizeof(float));
    }
  }

  // Outputs that no input reaches.
  void fill_dead(arch::PlanarPeriods p, float* y, int64_t begin, int64_t end) {
    if (begin >= end) return;
    const int64_t phases = layer_.axis(2).stride;
    p.segments = 0;
    fuse_columns(p, periods_, phases, 1);
    for (int64_t c = 0; c < channels_; ++c)
      std::fill(y + c * line_stride_ + begin, y + c * line_stride_ + end, periods_[c * phases]);
  }

  int64_t line_stride_ = 0;  // between the finished rows of the channels of a chunk
};

}  // namespace

void run_fused(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const PeriodTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { FusedTask(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::planar
