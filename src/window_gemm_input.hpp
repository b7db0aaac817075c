// Where the rows of A of a window GEMM come from: input rows in place, or copies of them with zeros beside the image.
#pragma once

#include <algorithm>

#include "input_rows.hpp"
#include "outer_taps.hpp"
#include "window_gemm.hpp"

namespace tconv::window_gemm {

// Rows q of A that are read from one place.
struct Source {
  int64_t begin, end;
  enum class Place { input, left, right } place;
};

// Rows q before left_end and from right_begin on are read from copies of the borders of the image.
struct Borders {
  int64_t left_end, right_begin;
};

class InputWindows {
 public:
  // `copies` has room for copied_rows * row_floats(plan) floats.
  InputWindows(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, float* copies)
      : layer_(layer), kernels_(kernels), plan_(plan), copies_(copies) {}

  // Floats of the copies of one input row.
  static int64_t row_floats(const Plan& plan) { return (plan.left.pixels() + plan.right.pixels()) * plan.copy_pitch; }

  // Takes the rows that `rows` output rows of one phase meet, and copies what has to be copied. `input` is channel 0 of the group.
  void load(const OuterTaps& z, const OuterTaps& y, const float* input, int64_t rows);

  // Of the rows [begin, end) of a block.
  Borders borders(const ColumnBlock& block, int64_t begin, int64_t end) const;
  // Rows from q on (below `end`) that are read from one place.
  Source next(const ColumnBlock& block, const Borders& borders, int64_t q, int64_t end) const;
  // The same for row q alone.
  Source::Place place_of(const ColumnBlock& block, int64_t q) const;
  // Distance between rows of A.
  int64_t pitch(const Source& source) const {
    return source.place == Source::Place::input ? layer_.geometry.input_pitch.pixel : plan_.copy_pitch;
  }
  // The same between rows of A of neighbouring output rows.
  int64_t row_pitch(const Source& source) const {
    return source.place == Source::Place::input ? layer_.geometry.input_pitch.row : row_floats(plan_);
  }
  // Do the rows [begin, end) of every output row lie after those of the row before it, at one distance?
  bool joined(const ColumnBlock& block, const Borders& borders, int64_t begin, int64_t end) const {
    if (!live() || block.group.taps != 1) return false;
    const Source all = next(block, borders, begin, end);
    return all.end == end && row_pitch(all) == (end - begin) * pitch(all);
  }
  // How many output rows from `row` on (below `end`) have the same segments, but for where they begin.
  int64_t like_rows(int64_t row, int64_t end) const {
    if (!live()) return end - row;
    if (y_.input(y_.taps - 1, row) < 0) return 1;
    return std::clamp<int64_t>(layer_.axis(1).input - y_.input(0, row), 1, end - row);
  }
  // Lists the segments of steps [k_begin, k_end) of the sum for the rows of `source` in output row `row`; returns how many.
  size_t segments(const ColumnBlock& block, const Source& source, int64_t row, int64_t k_begin, int64_t k_end,
                  arch::GemmSegment* segment) const;

 private:
  bool live() const { return z_.phase != nullptr && y_.phase != nullptr; }
  bool inside(int a, int64_t i) const { return i >= 0 && i < layer_.axis(a).input; }
  float* copy_of(int64_t jz, int64_t iy) const {
    return copies_ + ((jz - first_z_tap_) * copied_rows_ + iy - first_copied_row_) * row_floats(plan_);
  }
  Source next_clipped(const ColumnBlock& block, int64_t q, int64_t end) const;
  // Pixel `x` of the input row of tap jz in row iy, where `place` has it.
  const float* pixel_of(Source::Place place, int64_t jz, int64_t iy, int64_t x) const;

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  float* copies_;

  OuterTaps z_, y_;
  const float* input_ = nullptr;
  int64_t first_copied_row_ = 0;
  int64_t copied_rows_ = 0;
  int64_t first_z_tap_ = 0;
};

}  // namespace tconv::window_gemm
