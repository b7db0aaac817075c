#include <algorithm>
#include <cstring>

#include "window_gemm_task.hpp"

namespace tconv::window_gemm {

void Task::ends(const Pass& p, int64_t first_row, int64_t last_row) {
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

void Task::partial_row(int64_t block_number, int64_t panel_number, const Sum& sum, int64_t row, int64_t q) {
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

void Task::dead_block(int64_t block_number, int64_t first_panel, int64_t last_panel) {
  const ColumnBlock& block = plan_.blocks[static_cast<size_t>(block_number)];
  if (residual_.base != nullptr) {
    for (int64_t panel = first_panel; panel < last_panel; ++panel) dead_panel(block, panel_of(block_number, panel));
    return;
  }
  const Axis& x = layer_.axis(2);
  const Range range = q_range(block);
  const Panel first = panel_of(block_number, first_panel);
  const Panel last = panel_of(block_number, last_panel - 1);
  const size_t bytes = static_cast<size_t>(last.first_column + last.columns - first.first_column) * sizeof(float);
  const float* done = nullptr;  // all are like the first
  for (int64_t row = 0; row < rows_; ++row) {
    for (int64_t q = range.first; q < range.last; ++q) {
      const int64_t phase = x.stride * q + block.group.first - x.pad_begin;
      const int64_t end = std::min(layer_.output(2), phase + block.group.count);
      for (int64_t at = std::max<int64_t>(0, phase); at < end; ++at) {
        float* const c = c_.base + row * c_.row + at * c_.pixel + first.first_column;
        if (done != nullptr) {
          std::memcpy(c, done, bytes);
          continue;
        }
        for (int64_t panel = first_panel; panel < last_panel; ++panel) dead_pixels(panel_of(block_number, panel), row, at, 1, 1);
        done = c;
      }
    }
  }
}

void Task::dead_panel(const ColumnBlock& block, const Panel& panel) {
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

void Task::dead_pixels(const Panel& panel, int64_t row, int64_t first, int64_t count, int64_t step) {
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

void Task::load_row(const Rows<const float>& rows, int64_t row, int64_t channels) {
  const int64_t width = layer_.output(2);
  const float* const from = rows.base + row * rows.row;
  float* const to = c_.base + row * c_.row;
  if (planar_) {
    kernels_.transpose(from, layer_.geometry.residual_pitch.channel, static_cast<size_t>(channels), static_cast<size_t>(width), to,
                       channels);
  } else {
    for (int64_t x = 0; x < width; ++x)
      std::memcpy(to + x * channels, from + x * rows.pixel, static_cast<size_t>(channels) * sizeof(float));
  }
}

void Task::store_row(const Rows<float>& rows, int64_t row, int64_t channels) {
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

}  // namespace tconv::window_gemm
