#include "window_gemm_input.hpp"

#include <algorithm>

#include "checked.hpp"

namespace tconv::window_gemm {

void InputWindows::load(const OuterTaps& z, const OuterTaps& y, const float* input, int64_t rows) {
  z_ = z;
  y_ = y;
  input_ = input;
  if (!live() || row_floats(plan_) == 0) return;
  const Geometry& g = layer_.geometry;
  first_copied_row_ = std::max<int64_t>(0, y_.input(y_.taps - 1));
  const int64_t end = std::min(g.axis[1].input, y_.input(0, rows - 1) + 1);
  copied_rows_ = std::max<int64_t>(0, end - first_copied_row_);
  first_z_tap_ = -1;  // taps that meet the image are consecutive
  for (int64_t jz = 0; jz < z_.taps; ++jz) {
    const int64_t iz = z_.input(jz);
    if (!inside(0, iz)) continue;
    if (first_z_tap_ < 0) first_z_tap_ = jz;
    for (int64_t iy = first_copied_row_; iy < end; ++iy) {
      const float* const row = input_ + iz * g.input_pitch.plane + iy * g.input_pitch.row;
      float* const to = copy_of(jz, iy);
      copy_pixels(layer_, kernels_, row, plan_.left.first, plan_.left.last, plan_.copy_pitch, to);
      copy_pixels(layer_, kernels_, row, plan_.right.first, plan_.right.last, plan_.copy_pitch,
                  to + plan_.left.pixels() * plan_.copy_pitch);
    }
  }
}

Borders InputWindows::borders(const ColumnBlock& block, int64_t begin, int64_t end) const {
  if (!live()) return {begin, end};
  const int64_t width = layer_.axis(2).input;
  const int64_t reach = block.group.input_offset + (block.group.taps - 1) * layer_.phases[2].input_step;
  if (plan_.copy_rows ||
      (plan_.left.pixels() > 0 && plan_.right.pixels() == 0 && plan_.left.last >= end - block.group.input_offset)) {
    return {end, end};
  }
  const int64_t left = std::max<int64_t>(0, std::min(reach, end) - begin);
  const int64_t right = std::max<int64_t>(0, end - std::max(width + block.group.input_offset, begin));
  if (left == 0 && right == 0) return {begin, end};
  const int64_t tile_rows = static_cast<int64_t>(kernels_.gemm_tile_rows[block.vectors - 1]);
  const int64_t tile = ceil_div(end - begin, ceil_div(end - begin, tile_rows));
  const int64_t left_end = std::min(end, begin + ceil_div(left, tile) * tile);
  return {left_end, std::max(left_end, end - ceil_div(right, tile) * tile)};
}

Source InputWindows::next(const ColumnBlock& block, const Borders& borders, int64_t q, int64_t end) const {
  if (plan_.clip_borders && live()) return next_clipped(block, q, end);
  if (q < borders.left_end) return {q, borders.left_end, Source::Place::left};
  if (q < borders.right_begin) return {q, borders.right_begin, Source::Place::input};
  return {q, end, Source::Place::right};
}

// Rows from q on whose windows meet the same taps: the taps beyond the image are then left out for all of them.
Source InputWindows::next_clipped(const ColumnBlock& block, int64_t q, int64_t end) const {
  const int64_t width = layer_.axis(2).input;
  const int64_t step = layer_.phases[2].input_step;
  const Source::Place place = plan_.copy_rows ? Source::Place::left : Source::Place::input;
  const auto first_tap = [&](int64_t at) {  // tap j reads x[at - offset - j * step]
    return std::clamp<int64_t>(ceil_div(at - block.group.input_offset - (width - 1), step), 0, block.group.taps);
  };
  const auto last_tap = [&](int64_t at) {
    return std::clamp<int64_t>(floor_div(at - block.group.input_offset, step) + 1, 0, block.group.taps);
  };
  const int64_t first = first_tap(q);
  const int64_t last = last_tap(q);
  int64_t next = q + 1;
  if (first == 0 && last == block.group.taps) next = std::max(next, std::min(end, width + block.group.input_offset));
  while (next < end && first_tap(next) == first && last_tap(next) == last) ++next;
  return {q, next, place};
}

Source::Place InputWindows::place_of(const ColumnBlock& block, int64_t q) const {
  const int64_t last = q - block.group.input_offset;
  const int64_t first = last - (block.group.taps - 1) * layer_.phases[2].input_step;
  if (plan_.clip_borders) return plan_.copy_rows ? Source::Place::left : Source::Place::input;
  if (plan_.copy_rows || first < 0 || (plan_.left.pixels() > 0 && plan_.right.pixels() == 0 && last >= layer_.axis(2).input)) {
    return Source::Place::left;
  }
  return last >= layer_.axis(2).input ? Source::Place::right : Source::Place::input;
}

const float* InputWindows::pixel_of(Source::Place place, int64_t jz, int64_t iy, int64_t x) const {
  const Pitch& from = layer_.geometry.input_pitch;
  switch (place) {
    case Source::Place::left:
      return copy_of(jz, iy) + (x - plan_.left.first) * plan_.copy_pitch;
    case Source::Place::right:
      return copy_of(jz, iy) + (plan_.left.pixels() + x - plan_.right.first) * plan_.copy_pitch;
    default:
      return input_ + z_.input(jz) * from.plane + iy * from.row + x * from.pixel;
  }
}

size_t InputWindows::segments(const ColumnBlock& block, const Source& source, int64_t row, int64_t k_begin, int64_t k_end,
                              arch::GemmSegment* segment) const {
  if (!live()) return 0;
  const int64_t channels = layer_.in_per_group;
  const int64_t step = layer_.phases[2].input_step;
  const int64_t taps = block.group.taps;
  const int64_t window = source.begin - block.group.input_offset - (taps - 1) * step;  // first pixel of the first row
  // Taps (from the lowest pixel) that meet the image in some row.
  const int64_t first_tap = std::clamp<int64_t>(ceil_div(-(window + source.end - source.begin - 1), step), 0, taps);
  const int64_t last_tap = std::clamp<int64_t>(ceil_div(layer_.axis(2).input - window, step), first_tap, taps);
  const bool contiguous = step == 1 && pitch(source) == channels;
  const int64_t run = taps * channels;
  size_t n = 0;
  for (int64_t jz = 0; jz < z_.taps; ++jz) {
    for (int64_t jy = 0; jy < y_.taps; ++jy) {
      const int64_t iy = y_.input(jy, row);
      const int64_t at = (jz * y_.taps + jy) * run;  // in the sum
      if (at >= k_end || at + run <= k_begin || !inside(0, z_.input(jz)) || !inside(1, iy)) continue;
      const int64_t low = std::max(k_begin - at, first_tap * channels);
      const int64_t high = std::min(k_end - at, last_tap * channels);
      if (low >= high) continue;
      // Pointers are made for taps that are used alone: others may lie further away than there is memory.
      if (contiguous) {
        const float* const pixel = pixel_of(source.place, jz, iy, window + first_tap);
        segment[n++] = {pixel + (low - first_tap * channels), static_cast<size_t>(high - low), static_cast<size_t>(at + low)};
        continue;
      }
      for (int64_t t = first_tap; t < last_tap; ++t) {
        const int64_t tap_low = std::max(low, t * channels);
        const int64_t tap_high = std::min(high, (t + 1) * channels);
        if (tap_low >= tap_high) continue;
        segment[n++] = {pixel_of(source.place, jz, iy, window + t * step) + (tap_low - t * channels),
                        static_cast<size_t>(tap_high - tap_low), static_cast<size_t>(at + tap_low)};
      }
    }
  }
  return n;
}

}  // namespace tconv::window_gemm
