#include <algorithm>
#include <cstring>

#include "input_rows.hpp"
#include "planar_winograd_strip.hpp"

namespace tconv::planar_winograd {
namespace {

// Where row i of a tile lies in the ring of a z tap.
float* stage_of(const Strip& s, int64_t jz, int64_t tile, int64_t i) {
  return s.stage + (jz * s.plan.y.points + (s.plan.y.outputs * tile + i) % s.plan.y.points) * s.plan.point_pitch;
}

// A tile's rows from `first` on into the ring, in the blocks that U has.
void stage_rows(const Strip& s, int64_t jz, int64_t tile, int64_t first) {
  for (int64_t i = first; i < s.plan.y.points; ++i) {
    const int64_t iy = s.input_row(i);
    if (!s.inside(1, iy)) continue;
    const float* const row = s.input_at(jz, iy) - s.x_begin * s.layer.geometry.input_pitch.pixel;
    copy_blocks(s.layer, s.kernels, row, s.x_begin, ceil_div(s.columns(), s.block), s.block, stage_of(s, jz, tile, i));
  }
}

// U of one z tap from copied rows: all channels of a block lie in order.
void transform_staged(const Strip& s, int64_t jz, int64_t tile, arch::WinogradInput rows) {
  const int64_t run = s.layer.in_per_group * s.block;
  for (int64_t i = 0; i < s.plan.y.points; ++i) {
    const bool inside = s.inside(1, s.input_row(i));
    rows.from[i] = inside ? stage_of(s, jz, tile, i) : s.zeros;
    rows.from_stride[i] = inside ? run : 0;
  }
  rows.to_stride = run;
  rows.count = static_cast<size_t>(run);
  rows.repeats = static_cast<size_t>(ceil_div(s.columns(), s.block));
  s.kernels.winograd_input[s.plan.y.points](rows);
}

// U of one z tap from rows of pixels.
void transform_pixels(const Strip& s, int64_t jz) {
  arch::WinogradPixels rows{};
  for (int64_t i = 0; i < s.plan.y.points; ++i) {
    const int64_t iy = s.input_row(i);
    if (s.inside(1, iy)) rows.from[i] = s.input_at(jz, iy);
  }
  rows.pixel = s.layer.geometry.input_pitch.pixel;
  rows.pixels = static_cast<size_t>(s.columns());
  rows.channels = static_cast<size_t>(s.layer.in_per_group);
  rows.to = s.u + jz * s.plan.y.points * s.plan.point_pitch;
  rows.to_point = s.plan.point_pitch;
  rows.scratch = s.stage;
  rows.asks = s.plan.far;
  s.kernels.winograd_pixels[s.plan.y.points](rows);
}

// U of one z tap from rows where they lie. Beyond L2 a channel's columns go together, which is how they come from there; else all
// channels of a block of columns, in one call.
void transform_planes(const Strip& s, int64_t jz, arch::WinogradInput rows) {
  const int64_t points = s.plan.y.points;
  const int64_t channels = s.layer.in_per_group;
  const int64_t whole = s.plan.far ? s.columns() / s.block : 0;  // blocks that go together
  const arch::WinogradInputFunction transform = s.kernels.winograd_input[points];
  const float* from[arch::max_points] = {};
  ptrdiff_t step[arch::max_points] = {};  // from channel to channel
  for (int64_t i = 0; i < points; ++i) {
    const int64_t iy = s.input_row(i);
    const bool inside = s.inside(1, iy);
    from[i] = inside ? s.input_at(jz, iy) : s.zeros;
    step[i] = inside ? s.layer.geometry.input_pitch.channel : 0;
    rows.from_stride[i] = s.block;
  }
  float* const to = rows.to;
  rows.to_stride = channels * s.block;
  rows.count = static_cast<size_t>(s.block);
  rows.repeats = static_cast<size_t>(whole);
  for (int64_t ci = 0; whole != 0 && ci < channels; ++ci) {
    for (int64_t i = 0; i < points; ++i) rows.from[i] = from[i] + ci * step[i];
    rows.to = to + ci * s.block;
    transform(rows);
  }
  std::copy(step, step + points, rows.from_stride);
  rows.to_stride = s.block;
  rows.repeats = static_cast<size_t>(channels);
  for (int64_t column = whole * s.block; column < s.columns(); column += s.block) {
    for (int64_t i = 0; i < points; ++i) rows.from[i] = from[i] + column;
    rows.to = to + column * channels;
    rows.count = static_cast<size_t>(std::min(s.block, s.columns() - column));
    transform(rows);
  }
}

}  // namespace

void clear_margins(const Strip& s) {
  const int64_t lanes = static_cast<int64_t>(s.kernels.lanes);
  if (s.plan.input == InputPath::planes && s.columns() % s.block != 0) {
    const size_t floats = static_cast<size_t>(s.block * s.layer.in_per_group);
    for (int64_t i = 0; i < s.z.taps * s.plan.y.points; ++i) {
      std::memset(s.u + i * s.plan.point_pitch + s.columns() / s.block * static_cast<int64_t>(floats), 0, floats * sizeof(float));
    }
  }
  const int64_t first = s.x_begin - s.window;
  const int64_t last = first + ceil_div(s.columns(), lanes) * lanes;
  for (int64_t row = 0; row < s.plan.chunk.phases * s.plan.chunk.channels * s.layer.axis(2).kernel; ++row) {
    float* const t = s.t + row * s.plan.t_pitch;
    std::memset(t, 0, static_cast<size_t>(first) * sizeof(float));
    std::memset(t + last, 0, static_cast<size_t>(s.plan.t_pitch - last) * sizeof(float));
  }
}

void transform_inputs(const Strip& s, int64_t tile, bool follows) {
  for (int64_t jz = 0; jz < s.z.taps; ++jz) {
    if (!s.inside(0, s.z.input(jz))) continue;
    if (s.plan.input == InputPath::pixels) {
      transform_pixels(s, jz);
      continue;
    }
    arch::WinogradInput rows{};
    rows.to = s.u + jz * s.plan.y.points * s.plan.point_pitch;
    rows.to_point = s.plan.point_pitch;
    if (s.plan.input == InputPath::ring) {
      stage_rows(s, jz, tile, follows ? s.plan.y.points - s.plan.y.outputs : 0);
      transform_staged(s, jz, tile, rows);
    } else {
      transform_planes(s, jz, rows);
    }
  }
}

}  // namespace tconv::planar_winograd
