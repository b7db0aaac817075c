// What the two ways to make planar rows share (planar.hpp): a task passes over its strips and periods, keeps copies of input rows
// in a ring, and lists where the rows lie that the taps of z and y of an output row meet.
#pragma once

#include <algorithm>
#include <cstring>

#include "input_rows.hpp"
#include "outer_taps.hpp"
#include "period_tasks.hpp"
#include "planar.hpp"
#include "planar_finish.hpp"

namespace tconv::planar {

// One thread's workspace: floats first, each part a multiple of 16 of them.
struct RowWorkspace {
  int64_t copies;   // [z tap][input row of the ring] of blocks; bands: [z tap][channel][input row]
  int64_t t;        // [row of T of a chunk][t_pitch]
  int64_t rows;     // finished rows of a chunk that are not made in place: [channel][strip of the output]
  int64_t periods;  // one phase of a row, where they are not interleaved in registers; fused: a block of columns
  int64_t segment_bytes;
  int64_t term_bytes;
  size_t bytes() const {
    return static_cast<size_t>((copies + t + rows + periods) * static_cast<int64_t>(sizeof(float)) + segment_bytes + term_bytes);
  }
};

inline RowWorkspace row_workspace(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  const int64_t stride = layer.axis(2).stride;
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  const auto rounded = [](int64_t x, int64_t unit) { return ceil_div(x, unit) * unit; };
  const int64_t planes = layer.in_per_group * std::min(layer.axis(0).input, layer.phases[0].most_taps());
  return {plan.bands.periods != 0 ? plan.in_place ? 0 : rounded(planes * plan.bands.channel_pitch + block, 16)
                                  : rounded(plan.copied_rows * layer.in_per_group * plan.x_blocks * block, 16),
          plan.fused ? 0 : rounded(plan.chunk_channels * layer.axis(2).kernel * plan.t_pitch, 16),
          rows_in_place(layer)
              ? 0
              : rounded((plan.chunk_channels * std::max<int64_t>(1, plan.bands.periods) + 1) * strip_end(layer, 0, plan.strip), 16),
          plan.fused                                       ? rounded(plan.chunk_channels * block * stride, 16)
          : stride > arch::KernelTable::max_overlap_phases ? rounded(plan.strip, 16)
                                                           : 0,
          rounded(plan.segments * static_cast<int64_t>(sizeof(arch::PlanarSegment)), 64),
          rounded(plan.terms * static_cast<int64_t>(sizeof(arch::OverlapTerm)), 64)};
}

class PeriodRows {
 protected:
  PeriodRows(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        block_(static_cast<int64_t>(kernels.planar_vectors * kernels.lanes)),
        row_floats_(layer.in_per_group * plan.x_blocks * block_),
        finisher_(layer, kernels, plan, arguments),
        arguments_(arguments) {
    const RowWorkspace workspace = row_workspace(layer, kernels, plan);
    unsigned char* const own = arguments.workspace + slot * workspace.bytes();
    copies_ = reinterpret_cast<float*>(own);
    t_ = copies_ + workspace.copies;
    float* const rows = t_ + workspace.t;
    periods_ = rows + workspace.rows;
    segment_ = reinterpret_cast<arch::PlanarSegment*>(periods_ + workspace.periods);
    auto* const term = reinterpret_cast<arch::OverlapTerm*>(reinterpret_cast<unsigned char*>(segment_) + workspace.segment_bytes);
    finisher_.use({rows, periods_, term});
    terms_ = term + layer.axis(2).kernel;
  }

  // Calls begin_strip(), begin_period(period) and output_row() where the task comes to a new one.
  template <typename BeginStrip, typename BeginPeriod, typename OutputRow>
  void each_row(const PeriodTask& task, const BeginStrip& begin_strip, const BeginPeriod& begin_period,
                const OutputRow& output_row) {
    const Geometry& g = layer_.geometry;
    const int64_t stride = g.axis[1].stride;
    begin_task(task);
    const int64_t q_end = ceil_div(g.output[2], g.axis[2].stride);
    for (int64_t q = 0; q < q_end; q += plan_.strip) {
      strip_ = strip_at(layer_, plan_, q);
      copied_end_ = std::max<int64_t>(0, plan_.first_input + task.first);
      begin_strip();
      for (int64_t period = task.first; period < task.last; ++period) {
        if (z_.phase != nullptr) copy_inputs(std::min(g.axis[1].input, plan_.last_input + period + 1));
        const int64_t end = period + 1 < task.last ? (period + 1) * stride : std::min(g.output[1], strip_rows_end(task.last));
        begin_period(period);
        for (oy_ = period * stride; oy_ < end; ++oy_) {
          y_ = outer_taps(layer_, 1, oy_);
          live_ = z_.phase != nullptr && y_.phase != nullptr;
          output_row();
        }
      }
    }
  }

  void begin_task(const PeriodTask& task) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    task_ = task;
    z_ = outer_taps(layer_, 0, task.plane);
    first_z_tap_ = first_z_tap(layer_, z_);
    input_ = arguments_.input + task.image * pitch.batch + task.group * layer_.in_per_group * pitch.channel;
  }

  void choose_chunk(int64_t chunk) {
    first_channel_ = chunk * plan_.chunk_channels;
    channels_ = std::min(plan_.chunk_channels, layer_.out_per_group - first_channel_);
  }

  bool inside(int a, int64_t i) const { return i >= 0 && i < layer_.axis(a).input; }

  // Input rows are kept in a ring: those that the phases of one period meet.
  float* copy_of(int64_t jz, int64_t iy) const {
    return copies_ + ((jz - first_z_tap_) * plan_.ring + iy % plan_.ring) * row_floats_;
  }

  // The input rows before `end`, and some that come next: short rows of a channel are fetched together, because they follow each
  // other in memory (NCHW) and the next channel's do not.
  void copy_inputs(int64_t end) {
    if (copied_end_ >= end) return;
    const int64_t limit = std::min(layer_.axis(1).input, plan_.last_input + task_.last);
    const int64_t last = std::min(std::max(end, copied_end_ + plan_.ahead), std::max(limit, end));
    const int64_t first = strip_.x_begin + columns_in_place();
    for (int64_t jz = 0; jz < z_.taps && first < strip_.x_end; ++jz) {
      if (inside(0, z_.input(jz))) copy_rows(jz, last, first);
    }
    copied_end_ = last;
  }

  // Columns from `first` on of the input rows [copied_end_, last).
  void copy_rows(int64_t jz, int64_t last, int64_t first) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const int64_t blocks = ceil_div(strip_.x_end - first, block_);
    const float* const plane = input_ + z_.input(jz) * pitch.plane;
    if (layer_.description.layout == Layout::nhwc) {
      for (int64_t iy = copied_end_; iy < last; ++iy)
        copy_blocks(layer_, kernels_, plane + iy * pitch.row, first, blocks, block_, copy_of(jz, iy));
      return;
    }
    const int64_t channels = layer_.in_per_group;
    const size_t count = static_cast<size_t>(std::min(layer_.axis(2).input - first, blocks * block_));
    // Rows that follow each other in memory and, up to the end of the ring, in blocks are copied as one.
    const int64_t width = layer_.axis(2).input;
    const bool follow = first == 0 && pitch.row == width && width == plan_.x_blocks * block_;
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t iy = copied_end_; iy < last;) {
        const int64_t rows = follow ? std::min(last - iy, plan_.ring - iy % plan_.ring) : 1;
        kernels_.copy_blocks(plane + c * pitch.channel + iy * pitch.row + first, count + static_cast<size_t>((rows - 1) * width),
                             copy_of(jz, iy) + c * block_, channels * block_);
        iy += rows;
      }
    }
    for (int64_t iy = copied_end_; layer_.has_input_activation() && iy < last; ++iy)
      activate_input(layer_, kernels_, copy_of(jz, iy), static_cast<size_t>(blocks * channels * block_));
  }

  // Columns of the strip that are read where they lie: whole blocks, so that no vector reaches beyond the row; all of them where
  // the last block may overlap the one before.
  int64_t columns_in_place() const {
    if (!plan_.in_place) return 0;
    const int64_t columns = strip_.x_end - strip_.x_begin;
    return plan_.fused ? columns : columns / block_ * block_;
  }

  // Packed weights of the chunk, in the (z, y) phase of the row.
  const float* chunk_weights() const {
    const int64_t number = z_.number * static_cast<int64_t>(layer_.phases[1].live.size()) + y_.number;
    return plan_.weights.data() + task_.group * plan_.group_weights + plan_.weights_at[static_cast<size_t>(number)] +
           z_.taps * y_.taps * layer_.in_per_group * first_channel_ * layer_.axis(2).kernel;
  }

  // The (z, y) taps that meet the image in the output row; `place(jz, iy)` is where their input row is.
  template <typename Place>
  size_t list_segments(int64_t block_rows, const float* weights, const Place& place) {
    size_t n = 0;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      for (int64_t jy = 0; jy < y_.taps; ++jy, weights += layer_.in_per_group * block_rows) {
        const int64_t iy = y_.input(jy);
        if (inside(0, z_.input(jz)) && inside(1, iy)) segment_[n++] = {place(jz, iy), weights};
      }
    }
    return n;
  }
  size_t list_rows_in_place(int64_t block_rows, const float* weights, int64_t column) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    return list_segments(block_rows, weights, [&](int64_t jz, int64_t iy) {
      return input_ + z_.input(jz) * pitch.plane + iy * pitch.row + strip_.x_begin + column;
    });
  }
  size_t list_copies(int64_t block_rows, const float* weights, int64_t block) {
    return list_segments(block_rows, weights,
                         [&](int64_t jz, int64_t iy) { return copy_of(jz, iy) + block * layer_.in_per_group * block_; });
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const int64_t block_;
  const int64_t row_floats_;
  Finisher finisher_;
  float* copies_ = nullptr;
  int64_t copied_end_ = 0;  // input rows before this have been copied
  float* t_ = nullptr;
  float* periods_ = nullptr;
  arch::PlanarSegment* segment_ = nullptr;
  arch::OverlapTerm* terms_ = nullptr;

  PeriodTask task_{};
  const float* input_ = nullptr;
  Strip strip_;
  int64_t first_z_tap_ = 0;
  // Of the row at hand.
  OuterTaps z_, y_;
  int64_t oy_ = 0;
  bool live_ = false;
  // Of the chunk at hand.
  int64_t first_channel_ = 0;
  int64_t channels_ = 0;

 private:
  // One past the last output row of the periods before `period` (stride * period need not fit in 63 bits).
  int64_t strip_rows_end(int64_t period) const {
    const int64_t stride = layer_.axis(1).stride;
    return period >= ceil_div(layer_.output(1), stride) ? layer_.output(1) : period * stride;
  }

  const RunArguments& arguments_;
};

}  // namespace tconv::planar
