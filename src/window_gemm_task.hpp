// A task of window GEMM: some rows of one y-phase. The inner rows in window_gemm_run.cpp, what lies beside them in
// window_gemm_ends.cpp.
#pragma once

#include <algorithm>

#include "activation.hpp"
#include "checked.hpp"
#include "outer_taps.hpp"
#include "row_tasks.hpp"
#include "window_gemm.hpp"
#include "window_gemm_input.hpp"

namespace tconv::window_gemm {

constexpr int64_t stack_segments = 64;

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot);
  // The parts of a task are panels of the only chunk (NHWC), or chunks.
  void run(const RowTask& task);

 private:
  // A sum of k steps, done in `parts` parts of `part` steps.
  struct Sum {
    int64_t k;
    int64_t parts;
    int64_t part;
  };

  // [begin, end): rows q in which all phases of a block have outputs; [first, last): in which some have.
  struct Range {
    int64_t first, begin, end, last;
  };

  struct Panel {
    int64_t first_column;
    int64_t vectors;
    int64_t columns;
    const float* bias;
    const float* slopes;
    const float* b;  // nullptr without taps
  };
  Panel panel_of(int64_t block_number, int64_t index) const {
    const ColumnBlock& block = plan_.blocks[static_cast<size_t>(block_number)];
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const int64_t first = index * block.vectors * lanes;
    const int64_t vectors = index + 1 == block.panels ? block.last_vectors : block.vectors;
    const int64_t at = group_ * plan_.group_columns + block.bias_at + first;
    const float* b = nullptr;
    if (live_ && block.group.taps != 0) {
      const int64_t number = z_.number * static_cast<int64_t>(layer_.phases[1].live.size()) + y_.number;
      const int64_t weights =
          plan_.weights_at[static_cast<size_t>(number) * plan_.blocks.size() + static_cast<size_t>(block_number)];
      b = plan_.weights.data() + group_ * plan_.group_weights + weights + steps(block) * first;
    }
    return {first,
            vectors,
            std::min(block.columns - first, vectors * lanes),
            plan_.bias.data() + at,
            plan_.slopes.size() != 0 ? plan_.slopes.data() + at : nullptr,
            b};
  }

  // The panel of that index, from the one before it.
  Panel next_panel(const ColumnBlock& block, const Panel& panel, int64_t index) const {
    const int64_t width = panel.vectors * static_cast<int64_t>(kernels_.lanes);
    const int64_t vectors = index + 1 == block.panels ? block.last_vectors : block.vectors;
    return {panel.first_column + width,
            vectors,
            std::min(block.columns - panel.first_column - width, vectors * static_cast<int64_t>(kernels_.lanes)),
            panel.bias + width,
            panel.slopes != nullptr ? panel.slopes + width : nullptr,
            panel.b != nullptr ? panel.b + steps(block) * width : nullptr};
  }

  // Length of the sums of a block.
  int64_t steps(const ColumnBlock& block) const { return live_ ? z_.taps * y_.taps * block.group.taps * layer_.in_per_group : 0; }

  void finish(arch::GemmStrip& strip, const Panel& panel, bool last) {
    strip.epilogue = last ? epilogue_ : arch::Epilogue{};
    kernels_.gemm[panel.vectors - 1](strip);
    if (last && activation_ != nullptr) activate(strip, panel.columns);
  }

  void activate(const arch::GemmStrip& strip, int64_t columns) {
    float* c = strip.c;
    // Rows without anything between them are one.
    const bool dense = strip.c_stride == columns;
    size_t left = strip.run != 0 ? strip.first_run : strip.rows;
    for (size_t m = 0; m < strip.rows;) {
      if (left == 0) {
        c += strip.c_run_stride - static_cast<ptrdiff_t>(strip.run) * strip.c_stride;
        left = strip.run;
      }
      const size_t rows = dense ? std::min(left, strip.rows - m) : 1;
      activation_(c, rows * static_cast<size_t>(columns), layer_.description.activation.alpha);
      m += rows;
      left -= rows;
      c += static_cast<ptrdiff_t>(rows) * strip.c_stride;
    }
  }

  Range q_range(const ColumnBlock& block) const {
    const Axis& x = layer_.axis(2);
    const int64_t last_output = layer_.output(2) - 1 + x.pad_begin;
    const int64_t last_phase = block.group.first + block.group.count - 1;
    return {ceil_div(x.pad_begin - last_phase, x.stride), ceil_div(x.pad_begin - block.group.first, x.stride),
            floor_div(last_output - last_phase, x.stride) + 1, floor_div(last_output - block.group.first, x.stride) + 1};
  }

  // Rows that results or residuals lie in.
  template <typename T>
  struct Rows {
    T* base = nullptr;  // first pixel of the task's first row
    int64_t row = 0;    // between the task's rows
    int64_t pixel = 0;
  };

  // A column of row q of a block.
  template <typename T>
  T* pixel_of(const Rows<T>& rows, const ColumnBlock& block, int64_t column, int64_t row, int64_t q) const {
    const Axis& x = layer_.axis(2);
    return rows.base + row * rows.row + (x.stride * q + block.group.first - x.pad_begin) * rows.pixel + column;
  }

  // One part of the sums of the task's output rows, for the panels [first_panel, last_panel) of a block.
  struct Pass {
    int64_t block_number, first_panel, last_panel;
    Sum sum;
    int64_t part;
    Range range;
    Borders borders;
    bool joined;  // rows q of all output rows, one after the other, are one matrix A
    bool last_part() const { return part + 1 == sum.parts; }
  };

  // window_gemm_run.cpp
  // A chunk in all rows at hand: where no tap reaches them and no residual is added, they are copies of the first.
  void rows_of_chunk(int64_t number, int64_t channels, int64_t first_panel, int64_t last_panel);
  // The panels [first_panel, last_panel) of a chunk, counted through its blocks.
  void chunk(int64_t number, int64_t first_panel, int64_t last_panel);
  void panel_of_block(int64_t block_number, int64_t panel);
  Pass pass(int64_t block_number, int64_t first_panel, int64_t last_panel, const Sum& sum) const;
  void all_rows(const Pass& p);
  // Rows of A of one strip, of `count` in a row: many, but where panels of different widths or an activation have calls of their
  // own only so many that their input stays in L1, in whole register tiles of the size that the kernel would split all of them
  // into.
  int64_t strip_rows(const ColumnBlock& block, int64_t count, int64_t panels) const;
  // Rows [row, row + rows) of the output.
  void whole_rows(const Pass& p, int64_t row, int64_t rows);
  // While a panel's part is used for the first time, the next one comes near: it lies behind this one.
  void ask_for_weights(const Pass& p, const Panel& panel, arch::GemmStrip* strip) const;
  // While several panels use the rows of a strip, each asks for its share of the `rows` behind them, which the next strip reads.
  void ask_for_rows(const Pass& p, int64_t panel, int64_t rows, arch::GemmStrip* strip) const;
  // The rows of a strip with all panels of a pass, those of one width in one call; `strip` is at the columns of the first.
  // `next_rows` follow in one matrix A.
  void panels(const Pass& p, const ColumnBlock& block, arch::GemmStrip& strip, Panel panel, int64_t next_rows);

  // window_gemm_ends.cpp
  // Rows q in which some phases of a block lie outside the output; they are few: all parts of their sums at once.
  void ends(const Pass& p, int64_t first_row, int64_t last_row);
  // One of them: computed whole in scratch, the columns inside are copied.
  void partial_row(int64_t block_number, int64_t panel_number, const Sum& sum, int64_t row, int64_t q);
  // Outputs that no tap reaches: bias and activation alone, so that all pixels are alike but for a residual.
  void dead_block(int64_t block_number, int64_t first_panel, int64_t last_panel);
  // With a residual: along the shorter of (phases, q) one strip each.
  void dead_panel(const ColumnBlock& block, const Panel& panel);
  void dead_pixels(const Panel& panel, int64_t row, int64_t first, int64_t count, int64_t step);
  // Between a row of a tensor and the dense NHWC row of scratch that stands for it.
  void load_row(const Rows<const float>& rows, int64_t row, int64_t channels);
  void store_row(const Rows<float>& rows, int64_t row, int64_t channels);

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const bool planar_;
  const int64_t panels_;  // of all chunks
  InputWindows windows_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;

  arch::GemmSegment own_segments_[stack_segments];
  arch::GemmSegment* segment_ = own_segments_;
  float* scratch_ = nullptr;

  // Of the rows at hand.
  OuterTaps z_, y_;
  bool live_ = false;
  int64_t group_ = 0;
  int64_t rows_ = 0;
  Rows<float> c_;
  Rows<const float> residual_;
};

}  // namespace tconv::window_gemm
