#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "outer_taps.hpp"
#include "row_tasks.hpp"
#include "streamed_output.hpp"
#include "tasks.hpp"
#include "window_gemm.hpp"
#include "window_gemm_input.hpp"

namespace tconv::window_gemm {
namespace {

constexpr int64_t stack_segments = 64;

// The part of one thread's workspace for each purpose, in floats but for the segments.
struct WorkspaceLayout {
  int64_t copies;   // of input rows
  int64_t scratch;  // a row of columns, then NHWC rows of a chunk
  int64_t segment_bytes;
  size_t bytes() const {
    const int64_t floats = copies + scratch;
    return static_cast<size_t>((floats * static_cast<int64_t>(sizeof(float)) + 63) / 64 * 64 + (segment_bytes + 63) / 64 * 64);
  }
};

WorkspaceLayout workspace_layout(const Plan& plan) {
  const bool many_segments = plan.segments > stack_segments;
  return {plan.copied_rows * InputWindows::row_floats(plan), plan.scratch_columns + plan.scratch_rows,
          many_segments ? plan.segments * static_cast<int64_t>(sizeof(arch::GemmSegment)) : 0};
}

// In a thread's workspace the segments come first, then the copies, then the scratch.
float* copies_of(const Plan& plan, const RunArguments& arguments, size_t slot) {
  const WorkspaceLayout workspace = workspace_layout(plan);
  return reinterpret_cast<float*>(arguments.workspace + slot * workspace.bytes() + (workspace.segment_bytes + 63) / 64 * 64);
}

// Work on some rows of one y-phase.
class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        planar_(layer.description.layout == Layout::nchw),
        windows_(layer, kernels, plan, copies_of(plan, arguments, slot)),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    const WorkspaceLayout workspace = workspace_layout(plan);
    unsigned char* const own = arguments.workspace + slot * workspace.bytes();
    if (workspace.segment_bytes != 0) segment_ = reinterpret_cast<arch::GemmSegment*>(own);
    scratch_ = copies_of(plan, arguments, slot) + workspace.copies;
  }

  // The parts of a task are panels of the only chunk (NHWC), or chunks.
  void run(const RowTask& task) {
    const Geometry& g = layer_.geometry;
    z_ = outer_taps(layer_, 0, task.plane);
    y_ = outer_taps(layer_, 1, task.first_row);
    live_ = z_.phase != nullptr && y_.phase != nullptr;
    group_ = task.group;
    rows_ = task.rows;
    windows_.load(z_, y_, task.input(arguments_.input, g.input_pitch), rows_);
    float* const output = task.output(arguments_.output, g.output_pitch);
    const float* const residual = arguments_.residual != nullptr ? task.output(arguments_.residual, g.residual_pitch) : nullptr;
    const int64_t y_stride = g.axis[1].stride;
    const int64_t chunks = planar_ ? task.last_part : 1;
    for (int64_t i = planar_ ? task.first_part : 0; i < chunks; ++i) {
      const int64_t first_channel = i * plan_.chunk_channels;
      const int64_t channels = std::min(plan_.chunk_channels, layer_.out_per_group - first_channel);
      const Rows<float> y{output + first_channel * g.output_pitch.channel, neighbour_distance(rows_, y_stride, g.output_pitch.row),
                          g.output_pitch.pixel};
      Rows<const float> r{};
      if (residual != nullptr) {
        r = {residual + first_channel * g.residual_pitch.channel, neighbour_distance(rows_, y_stride, g.residual_pitch.row),
             g.residual_pitch.pixel};
      }
      const int64_t first_panel = planar_ ? 0 : task.first_part;
      const int64_t last_panel = planar_ ? INT64_MAX : task.last_part;
      if (plan_.scratch_rows == 0) {
        c_ = y;
        residual_ = r;
        chunk(i, first_panel, last_panel);
        continue;
      }
      c_ = {scratch_ + plan_.scratch_columns, g.output[2] * channels, channels};
      if (residual != nullptr) {
        for (int64_t row = 0; row < rows_; ++row) load_row(r, row, channels);
        residual_ = {c_.base, c_.row, c_.pixel};
      }
      chunk(i, first_panel, last_panel);
      for (int64_t row = 0; row < rows_; ++row) store_row(y, row, channels);
    }
  }

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
    if (last && activation_ != nullptr) activate(strip);
  }

  void activate(const arch::GemmStrip& strip) {
    float* c = strip.c;
    size_t left = strip.run != 0 ? strip.first_run : strip.rows;
    for (size_t m = 0; m < strip.rows; ++m, c += strip.c_stride, --left) {
      if (left == 0) {
        c += strip.c_run_stride - static_cast<ptrdiff_t>(strip.run) * strip.c_stride;
        left = strip.run;
      }
      activation_(c, strip.columns, layer_.description.activation.alpha);
    }
  }

  // The panels [first_panel, last_panel) of a chunk, counted through its blocks.
  void chunk(int64_t number, int64_t first_panel, int64_t last_panel) {
    int64_t panel = 0;
    for (int64_t i = number * plan_.chunk_blocks; i < (number + 1) * plan_.chunk_blocks; ++i) {
      const ColumnBlock& block = plan_.blocks[static_cast<size_t>(i)];
      const int64_t begin = std::clamp<int64_t>(first_panel - panel, 0, block.panels);
      const int64_t end = std::clamp<int64_t>(last_panel - panel, begin, block.panels);
      panel += block.panels;
      if (begin == end) continue;
      if (block.group.taps == 0) {
        for (int64_t j = begin; j < end; ++j) dead_panel(block, panel_of(i, j));
      } else if (plan_.rows_outer) {
        const int64_t k = steps(block);
        all_rows(pass(i, begin, end, {k, 1, k}));
      } else {
        for (int64_t j = begin; j < end; ++j) panel_of_block(i, j);
      }
    }
  }

  void panel_of_block(int64_t block_number, int64_t panel) {
    const ColumnBlock& block = plan_.blocks[static_cast<size_t>(block_number)];
    const int64_t k = steps(block);
    const int64_t parts = std::max<int64_t>(1, ceil_div(k, plan_.k_block));
    Pass p = pass(block_number, panel, panel + 1, {k, parts, ceil_div(ceil_div(k, parts), 4) * 4});
    for (; p.part < parts; ++p.part) all_rows(p);
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
  Pass pass(int64_t block_number, int64_t first_panel, int64_t last_panel, const Sum& sum) const {
    const ColumnBlock& block = plan_.blocks[static_cast<size_t>(block_number)];
    Pass p{block_number, first_panel, last_panel, sum, 0, q_range(block), {}, false};
    if (p.range.begin >= p.range.end) return p;
    p.borders = windows_.borders(block, p.range.begin, p.range.end);
    p.joined = windows_.joined(block, p.borders, p.range.begin, p.range.end);
    return p;
  }

  void all_rows(const Pass& p) {
    const ColumnBlock& block = plan_.blocks[static_cast<size_t>(p.block_number)];
    const int64_t width = p.range.end - p.range.begin;
    // Neighbouring output rows go by together: all where they join, else where they are short.
    int64_t rows = 1;
    for (int64_t row = 0; row < rows_; row += rows) {
      rows = windows_.like_rows(row, rows_);
      if (rows > 1 && width > 0 && !p.joined) {
        rows = std::clamp<int64_t>(strip_rows(block, width, p.last_panel - p.first_panel) / width, 1, rows);
      }
      if (width > 0) whole_rows(p, row, rows);
      if (p.part == 0) ends(p, row, row + rows);
    }
  }

  // Rows q in which some phases of a block lie outside the output; they are few: all parts of their sums at once.
  void ends(const Pass& p, int64_t first_row, int64_t last_row) {
    const Range& range = p.range;
    if (range.first >= range.begin && range.end >= range.last) return;
    for (int64_t row = first_row; row < last_row; ++row) {
      for (int64_t panel = p.first_panel; panel < p.last_panel; ++panel) {
        for (int64_t q = range.first; q < std::min(range.begin, range.last); ++q) partial_row(p.block_number, panel, p.sum, row, q);
        for (int64_t q = std::max({range.begin, range.end, range.first}); q < range.last; ++q) {
          partial_row(p.block_number, panel, p.sum, row, q);
        }
      }
    }
  }

  // Rows of A that `panels` panels pass by before the next ones, of `count` in a row: with several panels only so many that their
  // input stays in L1, in whole register tiles of the size that the kernel would split all of them into.
  int64_t strip_rows(const ColumnBlock& block, int64_t count, int64_t panels) const {
    constexpr int64_t enough = 256;  // that what a strip costs by itself no longer counts
    if (panels == 1) return std::max(count, enough);
    const int64_t tile = ceil_div(count, ceil_div(count, static_cast<int64_t>(kernels_.gemm_tile_rows[block.vectors - 1])));
    return std::max<int64_t>(plan_.strip_rows / tile, 2) * tile;
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

  // Rows [row, row + rows) of the output.
  void whole_rows(const Pass& p, int64_t row, int64_t rows) {
    const ColumnBlock& block = plan_.blocks[static_cast<size_t>(p.block_number)];
    const int64_t stride = layer_.axis(2).stride;
    const Panel panel = panel_of(p.block_number, p.first_panel);
    for (Source source{p.range.begin, p.range.begin, Source::Place::input}; source.end < p.range.end;) {
      source = windows_.next(block, p.borders, source.end, p.range.end);
      const int64_t count = source.end - source.begin;
      const int64_t all = count * rows;
      const int64_t step = std::min(all, p.joined || rows == 1 ? strip_rows(block, all, p.last_panel - p.first_panel) : all);
      const int64_t pitch = windows_.pitch(source);
      arch::GemmStrip strip{};
      strip.segment = segment_;
      strip.segments =
          windows_.segments(block, source, row, p.part * p.sum.part, std::min(p.sum.k, (p.part + 1) * p.sum.part), segment_);
      strip.a_stride = pitch;
      strip.c = pixel_of(c_, block, panel.first_column, row, source.begin);
      strip.c_stride = neighbour_distance(count, stride, c_.pixel);
      if (residual_.base != nullptr && p.part == 0) {
        strip.residual = pixel_of(residual_, block, panel.first_column, row, source.begin);
        strip.residual_stride = neighbour_distance(count, stride, residual_.pixel);
      }
      strip.epilogue = p.last_part() ? epilogue_ : arch::Epilogue{};
      if (rows > 1) {
        strip.a_run_stride = windows_.row_pitch(source);
        strip.c_run_stride = c_.row;
        strip.residual_run_stride = residual_.row;
        const bool dense =
            p.joined && c_.row == count * strip.c_stride && (!strip.residual || residual_.row == count * strip.residual_stride);
        if (!dense) strip.run = static_cast<size_t>(count);
      }
      if (plan_.far_weights && row == 0 && source.begin == p.range.begin) ask_for_weights(p, panel, &strip);
      int64_t first = 0;  // of the strip, in its first run
      for (int64_t m = 0;; m += step) {
        strip.rows = static_cast<size_t>(std::min(step, all - m));
        strip.first_run = static_cast<size_t>(count - first);
        panels(p, block, strip, panel);
        strip.next_lines = 0;
        if (m + step >= all) break;
        for (size_t i = 0; i < strip.segments; ++i) segment_[i].a += step * pitch;
        first += step;
        const int64_t runs = strip.run != 0 ? first / count : 0;
        first -= runs * count;
        strip.c += step * strip.c_stride + runs * (strip.c_run_stride - count * strip.c_stride);
        if (strip.residual != nullptr) {
          strip.residual += step * strip.residual_stride + runs * (strip.residual_run_stride - count * strip.residual_stride);
        }
      }
    }
  }

  // While a panel's part is used for the first time, the next one comes near: it lies behind this one.
  void ask_for_weights(const Pass& p, const Panel& panel, arch::GemmStrip* strip) const {
    const int64_t width = panel.vectors * static_cast<int64_t>(kernels_.lanes);
    strip->next_weights = panel.b + std::min(p.sum.k, (p.part + 1) * p.sum.part) * width;
    strip->next_lines = static_cast<size_t>(p.sum.part * width / line_floats);
  }

  // The rows of a strip with all panels of a pass; `strip` is at the columns of the first.
  void panels(const Pass& p, const ColumnBlock& block, arch::GemmStrip& strip, Panel panel) {
    float* const c = strip.c;
    const float* const residual = strip.residual;
    for (int64_t j = p.first_panel;;) {
      strip.b = panel.b;
      strip.columns = static_cast<size_t>(panel.columns);
      strip.slopes = panel.slopes;
      if (p.part == 0) strip.bias = panel.bias;
      const int64_t width = panel.vectors * static_cast<int64_t>(kernels_.lanes);
      strip.streams = plan_.streams && p.last_part() && strip.residual == nullptr && panel.columns == width &&
                      width % line_floats == 0 && line_aligned(strip.c);
      kernels_.gemm[panel.vectors - 1](strip);
      if (activation_ != nullptr && p.last_part()) activate(strip);
      if (++j == p.last_panel) break;
      strip.c += width;
      if (strip.residual != nullptr) strip.residual += width;
      panel = next_panel(block, panel, j);
    }
    strip.c = c;
    strip.residual = residual;
  }

  // Row q, in which some phases lie outside the output: computed whole in scratch, the columns inside are copied.
  void partial_row(int64_t block_number, int64_t panel_number, const Sum& sum, int64_t row, int64_t q) {
    const ColumnBlock& block = plan_.blocks[static_cast<size_t>(block_number)];
    const Panel panel = panel_of(block_number, panel_number);
    const Geometry& g = layer_.geometry;
    const Axis& x = g.axis[2];
    const int64_t first_phase = std::max<int64_t>(0, x.pad_begin - x.stride * q - block.group.first);
    const int64_t last_phase = std::min(block.group.count, g.output[2] + x.pad_begin - x.stride * q - block.group.first);
    const int64_t first = std::max<int64_t>(0, first_phase * block.channels - panel.first_column);
    const int64_t last = std::min(panel.columns, last_phase * block.channels - panel.first_column);
    if (first >= last) return;
    const size_t bytes = static_cast<size_t>(last - first) * sizeof(float);

    arch::GemmStrip strip{};
    strip.segment = segment_;
    strip.b = panel.b;
    strip.c = scratch_;
    strip.rows = 1;
    strip.columns = static_cast<size_t>(panel.columns);
    strip.slopes = panel.slopes;
    if (residual_.base != nullptr) {
      std::memset(scratch_, 0, static_cast<size_t>(panel.columns) * sizeof(float));
      std::memcpy(scratch_ + first, pixel_of(residual_, block, panel.first_column + first, row, q), bytes);
      strip.residual = scratch_;
    }
    const Source source{q, q + 1, windows_.place_of(block, q)};
    for (int64_t part = 0; part < sum.parts; ++part) {
      strip.segments = windows_.segments(block, source, row, part * sum.part, std::min(sum.k, (part + 1) * sum.part), segment_);
      strip.bias = part == 0 ? panel.bias : nullptr;
      finish(strip, panel, part + 1 == sum.parts);
    }
    std::memcpy(pixel_of(c_, block, panel.first_column + first, row, q), scratch_ + first, bytes);
  }

  // Outputs that no tap reaches: bias and activation alone. Along the shorter of (phases, q) one strip each.
  void dead_panel(const ColumnBlock& block, const Panel& panel) {
    const Geometry& g = layer_.geometry;
    const Axis& x = g.axis[2];
    const Range range = q_range(block);
    for (int64_t row = 0; row < rows_; ++row) {
      if (block.group.count <= range.last - range.first) {
        for (int64_t r = block.group.first; r < block.group.first + block.group.count; ++r) {
          const int64_t begin = ceil_div(x.pad_begin - r, x.stride);
          const int64_t end = floor_div(g.output[2] - 1 + x.pad_begin - r, x.stride) + 1;
          if (begin < end) dead_pixels(panel, row, x.stride * begin + r - x.pad_begin, end - begin, x.stride);
        }
      } else {
        for (int64_t q = range.first; q < range.last; ++q) {
          const int64_t first = std::max<int64_t>(0, x.stride * q + block.group.first - x.pad_begin);
          const int64_t last = std::min(g.output[2], x.stride * q + block.group.first + block.group.count - x.pad_begin);
          if (first < last) dead_pixels(panel, row, first, last - first, 1);
        }
      }
    }
  }

  void dead_pixels(const Panel& panel, int64_t row, int64_t first, int64_t count, int64_t step) {
    arch::GemmStrip strip{};
    strip.c = c_.base + row * c_.row + first * c_.pixel + panel.first_column;
    strip.c_stride = neighbour_distance(count, step, c_.pixel);
    strip.rows = static_cast<size_t>(count);
    strip.columns = static_cast<size_t>(panel.columns);
    strip.bias = panel.bias;
    strip.slopes = panel.slopes;
    if (residual_.base != nullptr) {
      strip.residual = residual_.base + row * residual_.row + first * residual_.pixel + panel.first_column;
      strip.residual_stride = neighbour_distance(count, step, residual_.pixel);
    }
    finish(strip, panel, true);
  }

  // Between a row of a tensor and the dense NHWC row of scratch that stands for it.
  void load_row(const Rows<const float>& rows, int64_t row, int64_t channels) {
    const int64_t width = layer_.output(2);
    const float* const from = rows.base + row * rows.row;
    float* const to = c_.base + row * c_.row;
    if (planar_) {
      kernels_.transpose(from, layer_.geometry.residual_pitch.channel, static_cast<size_t>(channels), static_cast<size_t>(width),
                         to, channels);
    } else {
      for (int64_t x = 0; x < width; ++x)
        std::memcpy(to + x * channels, from + x * rows.pixel, static_cast<size_t>(channels) * sizeof(float));
    }
  }
  void store_row(const Rows<float>& rows, int64_t row, int64_t channels) {
    const int64_t width = layer_.output(2);
    const float* const from = c_.base + row * c_.row;
    float* const to = rows.base + row * rows.row;
    if (planar_) {
      kernels_.transpose(from, channels, static_cast<size_t>(width), static_cast<size_t>(channels), to,
                         layer_.geometry.output_pitch.channel);
    } else {
      for (int64_t x = 0; x < width; ++x)
        std::memcpy(to + x * rows.pixel, from + x * channels, static_cast<size_t>(channels) * sizeof(float));
    }
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const bool planar_;
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

}  // namespace

size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan& plan) { return workspace_layout(plan).bytes(); }

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  int64_t parts = plan.chunks;
  if (layer.description.layout == Layout::nhwc) {
    parts = 0;
    for (const ColumnBlock& block : plan.blocks) parts += block.panels;
  }
  const RowTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.rows_per_task, parts);
  run_tasks(arguments.parallelism, tasks.count(), [&](int64_t index, size_t slot) {
    const RowTask task = tasks[index];
    if (task.rows > 0) Task(layer, kernels, plan, arguments, slot).run(task);
    if (plan.streams) fence_streamed_stores();
  });
}

}  // namespace tconv::window_gemm
