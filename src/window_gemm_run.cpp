#include <algorithm>
#include <cstring>

#include "streamed_output.hpp"
#include "tasks.hpp"
#include "window_gemm_task.hpp"

namespace tconv::window_gemm {
namespace {

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

int64_t panels_of(const Plan& plan) {
  int64_t panels = 0;
  for (const ColumnBlock& block : plan.blocks) panels += block.panels;
  return panels;
}

// In a thread's workspace the segments come first, then the copies, then the scratch.
float* copies_of(const Plan& plan, const RunArguments& arguments, size_t slot) {
  const WorkspaceLayout workspace = workspace_layout(plan);
  return reinterpret_cast<float*>(arguments.workspace + slot * workspace.bytes() + (workspace.segment_bytes + 63) / 64 * 64);
}

}  // namespace

Task::Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
    : layer_(layer),
      kernels_(kernels),
      plan_(plan),
      arguments_(arguments),
      planar_(layer.description.layout == Layout::nchw),
      panels_(panels_of(plan)),
      windows_(layer, kernels, plan, copies_of(plan, arguments, slot)),
      epilogue_(fused_epilogue(layer.description.activation)),
      activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
  const WorkspaceLayout workspace = workspace_layout(plan);
  unsigned char* const own = arguments.workspace + slot * workspace.bytes();
  if (workspace.segment_bytes != 0) segment_ = reinterpret_cast<arch::GemmSegment*>(own);
  scratch_ = copies_of(plan, arguments, slot) + workspace.copies;
}

void Task::run(const RowTask& task) {
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
      rows_of_chunk(i, channels, first_panel, last_panel);
      continue;
    }
    c_ = {scratch_ + plan_.scratch_columns, g.output[2] * channels, channels};
    if (residual != nullptr) {
      for (int64_t row = 0; row < rows_; ++row) load_row(r, row, channels);
      residual_ = {c_.base, c_.row, c_.pixel};
    }
    rows_of_chunk(i, channels, first_panel, last_panel);
    for (int64_t row = 0; row < rows_; ++row) store_row(y, row, channels);
  }
}

void Task::rows_of_chunk(int64_t number, int64_t channels, int64_t first_panel, int64_t last_panel) {
  const int64_t rows = rows_;
  const bool alike = !live_ && residual_.base == nullptr && c_.pixel == channels && first_panel == 0 && last_panel >= panels_;
  if (alike) rows_ = 1;
  chunk(number, first_panel, last_panel);
  rows_ = rows;
  if (!alike) return;
  const size_t bytes = static_cast<size_t>(layer_.output(2) * channels) * sizeof(float);
  for (int64_t row = 1; row < rows; ++row) std::memcpy(c_.base + row * c_.row, c_.base, bytes);
}

void Task::chunk(int64_t number, int64_t first_panel, int64_t last_panel) {
  int64_t panel = 0;
  for (int64_t i = number * plan_.chunk_blocks; i < (number + 1) * plan_.chunk_blocks; ++i) {
    const ColumnBlock& block = plan_.blocks[static_cast<size_t>(i)];
    const int64_t begin = std::clamp<int64_t>(first_panel - panel, 0, block.panels);
    const int64_t end = std::clamp<int64_t>(last_panel - panel, begin, block.panels);
    panel += block.panels;
    if (begin == end) continue;
    if (block.group.taps == 0) {
      dead_block(i, begin, end);
    } else if (plan_.rows_outer) {
      const int64_t k = steps(block);
      all_rows(pass(i, begin, end, {k, 1, k}));
    } else {
      for (int64_t j = begin; j < end; ++j) panel_of_block(i, j);
    }
  }
}

void Task::panel_of_block(int64_t block_number, int64_t panel) {
  const ColumnBlock& block = plan_.blocks[static_cast<size_t>(block_number)];
  const int64_t k = steps(block);
  const int64_t parts = std::max<int64_t>(1, ceil_div(k, plan_.k_block));
  Pass p = pass(block_number, panel, panel + 1, {k, parts, ceil_div(ceil_div(k, parts), 4) * 4});
  for (; p.part < parts; ++p.part) all_rows(p);
}

Task::Pass Task::pass(int64_t block_number, int64_t first_panel, int64_t last_panel, const Sum& sum) const {
  const ColumnBlock& block = plan_.blocks[static_cast<size_t>(block_number)];
  Pass p{block_number, first_panel, last_panel, sum, 0, q_range(block), {}, false};
  if (p.range.begin >= p.range.end) return p;
  p.borders = windows_.borders(block, p.range.begin, p.range.end);
  p.joined = windows_.joined(block, p.borders, p.range.begin, p.range.end);
  return p;
}

void Task::all_rows(const Pass& p) {
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

int64_t Task::strip_rows(const ColumnBlock& block, int64_t count, int64_t panels) const {
  constexpr int64_t enough = 256;  // that what a strip costs by itself no longer counts
  if (panels == 1 || (activation_ == nullptr && block.last_vectors == block.vectors)) return std::max(count, enough);
  const int64_t tile = ceil_div(count, ceil_div(count, static_cast<int64_t>(kernels_.gemm_tile_rows[block.vectors - 1])));
  return std::max<int64_t>(plan_.strip_rows / tile, 2) * tile;
}

void Task::whole_rows(const Pass& p, int64_t row, int64_t rows) {
  const ColumnBlock& block = plan_.blocks[static_cast<size_t>(p.block_number)];
  const int64_t stride = layer_.axis(2).stride;
  const Panel panel = panel_of(p.block_number, p.first_panel);
  for (Source source{p.range.begin, p.range.begin, Source::Place::input}; source.end < p.range.end;) {
    source = windows_.next(block, p.borders, source.end, p.range.end);
    // A single column of several output rows is one run from row to row.
    const bool column = source.end - source.begin == 1;
    const int64_t count = column ? rows : source.end - source.begin;
    const int64_t all = column ? rows : count * rows;
    const bool one_run = p.joined || rows == 1 || column;
    const int64_t step = std::min(all, one_run ? strip_rows(block, all, p.last_panel - p.first_panel) : all);
    const int64_t pitch = column ? windows_.row_pitch(source) : windows_.pitch(source);
    arch::GemmStrip strip{};
    strip.segment = segment_;
    strip.segments =
        windows_.segments(block, source, row, p.part * p.sum.part, std::min(p.sum.k, (p.part + 1) * p.sum.part), segment_);
    strip.a_stride = pitch;
    strip.c = pixel_of(c_, block, panel.first_column, row, source.begin);
    strip.c_stride = column ? c_.row : neighbour_distance(count, stride, c_.pixel);
    if (residual_.base != nullptr && p.part == 0) {
      strip.residual = pixel_of(residual_, block, panel.first_column, row, source.begin);
      strip.residual_stride = column ? residual_.row : neighbour_distance(count, stride, residual_.pixel);
    }
    strip.epilogue = p.last_part() ? epilogue_ : arch::Epilogue{};
    if (rows > 1 && !column) {
      strip.a_run_stride = windows_.row_pitch(source);
      strip.c_run_stride = c_.row;
      strip.residual_run_stride = residual_.row;
      const bool dense =
          p.joined && c_.row == count * strip.c_stride && (!strip.residual || residual_.row == count * strip.residual_stride);
      if (!dense) strip.run = static_cast<size_t>(count);
    }
    if (kernels_.gemm_asks && plan_.far_weights && row == 0 && source.begin == p.range.begin) ask_for_weights(p, panel, &strip);
    int64_t first = 0;  // of the strip, in its first run
    for (int64_t m = 0;; m += step) {
      strip.rows = static_cast<size_t>(std::min(step, all - m));
      strip.first_run = static_cast<size_t>(count - first);
      panels(p, block, strip, panel, p.joined ? std::min(step, all - m - step) : 0);
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

void Task::ask_for_weights(const Pass& p, const Panel& panel, arch::GemmStrip* strip) const {
  const int64_t width = panel.vectors * static_cast<int64_t>(kernels_.lanes);
  strip->next = panel.b + std::min(p.sum.k, (p.part + 1) * p.sum.part) * width;
  strip->next_lines = static_cast<size_t>(p.sum.part * width / line_floats);
}

void Task::ask_for_rows(const Pass& p, int64_t panel, int64_t rows, arch::GemmStrip* strip) const {
  const int64_t lines = rows * strip->a_stride / line_floats;
  const int64_t share = ceil_div(lines, p.last_panel - p.first_panel);
  const int64_t first = std::min(lines, (panel - p.first_panel) * share);
  strip->next = segment_[0].a + static_cast<int64_t>(strip->rows) * strip->a_stride + first * line_floats;
  strip->next_lines = static_cast<size_t>(std::min(share, lines - first));
}

void Task::panels(const Pass& p, const ColumnBlock& block, arch::GemmStrip& strip, Panel panel, int64_t next_rows) {
  const int64_t count = p.last_panel - p.first_panel;
  const bool asks = kernels_.gemm_asks && next_rows > 0 && count > 1 && strip.segments != 0;
  const arch::GemmStrip first = strip;
  for (int64_t j = p.first_panel; j < p.last_panel;) {
    const int64_t width = panel.vectors * static_cast<int64_t>(kernels_.lanes);
    int64_t like = 1;  // panels of this width, done at once
    if (p.part == 0) {
      while (j + like < p.last_panel && (j + like + 1 < block.panels || block.last_vectors == panel.vectors)) ++like;
    }
    strip.b = panel.b;
    strip.slopes = panel.slopes;
    if (p.part == 0) strip.bias = panel.bias;
    strip.more_panels = static_cast<size_t>(like - 1);
    strip.b_panel = p.sum.k * width;
    strip.block_rows = static_cast<size_t>(plan_.strip_rows);
    strip.new_rows = asks || (j == p.first_panel && strip.segments == 1 && strip.next_lines == 0 && !plan_.copy_rows);
    if (asks) ask_for_rows(p, j, next_rows, &strip);
    for (int64_t i = 1; i < like; ++i) panel = next_panel(block, panel, j + i);
    strip.columns = static_cast<size_t>(panel.columns);
    strip.streams = plan_.streams && p.last_part() && strip.residual == nullptr && panel.columns == width &&
                    width % line_floats == 0 && line_aligned(strip.c);
    kernels_.gemm[panel.vectors - 1](strip);
    if (activation_ != nullptr && p.last_part()) activate(strip, (like - 1) * width + panel.columns);
    strip.c += like * width;
    if (strip.residual != nullptr) strip.residual += like * width;
    j += like;
    if (j < p.last_panel) panel = next_panel(block, panel, j);
  }
  strip.c = first.c;
  strip.residual = first.residual;
}

size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan& plan) { return workspace_layout(plan).bytes(); }

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const int64_t parts = layer.description.layout == Layout::nhwc ? panels_of(plan) : plan.chunks;
  const RowTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.rows_per_task, parts);
  run_tasks(arguments.parallelism, tasks.count(), [&](int64_t index, size_t slot) {
    const RowTask task = tasks[index];
    if (task.rows > 0) Task(layer, kernels, plan, arguments, slot).run(task);
    if (plan.streams) fence_streamed_stores();
  });
}

}  // namespace tconv::window_gemm
