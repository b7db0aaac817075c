#include <algorithm>
#include <cstring>

#include "input_rows.hpp"
#include "winograd_task.hpp"

namespace tconv::winograd {
namespace {

class InputTransform {
 public:
  explicit InputTransform(const BlockTask& task) : t_(task) {}

  // V of a line: a strip of its tiles and a chunk of channels at a time.
  void transform_line(int64_t i) {
    const Line at = t_.line(i);
    const Geometry& g = t_.layer.geometry;
    const float* const image =
        t_.arguments.input + at.image * g.input_pitch.batch + t_.block.group * t_.layer.in_per_group * g.input_pitch.channel;
    for (int64_t jz = t_.first_z; jz < t_.last_z; ++jz) {
      const float* const plane = image + t_.z.input(jz) * g.input_pitch.plane;
      for (int64_t tile = 0; tile < t_.block.columns; tile += t_.w.strip) {
        const int64_t tiles = std::min(t_.w.strip, t_.block.columns - tile);
        for (int64_t c = 0; c < t_.layer.in_per_group; c += t_.w.chunk) {
          float* const v = t_.v + (i * t_.block.columns + tile) * t_.w.pitch + jz * t_.layer.in_per_group + c;
          transform_tiles(plane + c * g.input_pitch.channel, at, tile, tiles, std::min(t_.w.chunk, t_.layer.in_per_group - c), v);
        }
      }
    }
  }

 private:
  // V of `tiles` tiles of a line, `count` channels of them.
  void transform_tiles(const float* plane, const Line& at, int64_t tile, int64_t tiles, int64_t count, float* v) {
    const Geometry& g = t_.layer.geometry;
    const int64_t step = t_.plan.x.step;
    const int64_t first = at.x + t_.plan.x.lowest + step * t_.plan.x.outputs * tile;  // input of the first pixel of the windows
    const int64_t pixels = (tiles - 1) * t_.plan.x.outputs + t_.plan.x.points;
    const int64_t begin = std::clamp<int64_t>(ceil_div(-first, step), 0, pixels);
    const int64_t end = std::clamp<int64_t>(ceil_div(g.axis[2].input - first, step), begin, pixels);
    Pixels from[arch::max_points];
    for (int64_t k = 0; k < t_.plan.y.points; ++k) {
      const int64_t y = at.y + t_.plan.y.lowest + k * t_.plan.y.step;
      if (y < 0 || y >= g.axis[1].input || begin == end) {
        from[k] = {t_.zeros, 0};
      } else {
        from[k] = pixels_of(plane + y * g.input_pitch.row, first, begin, end, count, k);
      }
    }
    transform_pixels(from, begin, end, tiles, count, v);
  }

  // Pixels `stride` floats apart.
  struct Pixels {
    const float* first;
    int64_t stride;
  };

  // The pixels [begin, end) of windows that begin at input `first`: in place, or copied when they are planar or to be activated.
  Pixels pixels_of(const float* row, int64_t first, int64_t begin, int64_t end, int64_t count, int64_t k) {
    const Pitch& pitch = t_.layer.geometry.input_pitch;
    const int64_t step = t_.plan.x.step;
    const float* const from = row + (first + step * begin) * pitch.pixel;
    const int64_t stride = neighbour_distance(end - begin, step, pitch.pixel);
    if (t_.w.source == 0) return {from, stride};
    float* const to = t_.source + k * t_.w.pixels * t_.w.chunk;
    if (t_.planes) {
      t_.kernels.transpose(from, pitch.channel, static_cast<size_t>(count), static_cast<size_t>(end - begin), to, t_.w.chunk);
    } else {
      for (int64_t x = 0; x < end - begin; ++x)
        std::memcpy(to + x * t_.w.chunk, from + x * stride, static_cast<size_t>(count) * sizeof(float));
    }
    for (int64_t x = 0; x < end - begin; ++x) activate_input(t_.layer, t_.kernels, to + x * t_.w.chunk, static_cast<size_t>(count));
    return {to, t_.w.chunk};
  }

  // Along y into t_.rows, then along x into V. `from`: pixel `begin` of each row of a line's windows.
  void transform_pixels(const Pixels* from, int64_t begin, int64_t end, int64_t tiles, int64_t count, float* v) {
    const int64_t pixels = (tiles - 1) * t_.plan.x.outputs + t_.plan.x.points;
    const int64_t ny = t_.plan.y.points;
    const int64_t nx = t_.plan.x.points;
    if (ny == 1 && begin == 0 && end == pixels) return transform_columns(from[0].first, from[0].stride, tiles, count, v);
    // Where pixels go: those of tiles when x is not filtered.
    const int64_t stride = nx > 1 ? t_.w.chunk : t_.w.pitch;
    const int64_t plane = nx > 1 ? t_.w.pixels * t_.w.chunk : t_.w.point_pitch;
    float* const to = nx > 1 ? t_.rows : v;
    const size_t bytes = static_cast<size_t>(count) * sizeof(float);
    for (int64_t k = 0; k < ny; ++k) {
      for (int64_t x = 0; x < begin; ++x) std::memset(to + k * plane + x * stride, 0, bytes);
      for (int64_t x = end; x < pixels; ++x) std::memset(to + k * plane + x * stride, 0, bytes);
    }
    if (ny == 1) {
      for (int64_t x = begin; x < end; ++x) std::memcpy(to + x * stride, from[0].first + (x - begin) * from[0].stride, bytes);
    } else if (begin < end) {
      arch::WinogradInput rows{};
      bool dense = stride == count;
      for (int64_t k = 0; k < ny; ++k) {
        rows.from[k] = from[k].first;
        rows.from_stride[k] = from[k].stride;
        dense = dense && from[k].stride == count;
      }
      rows.to = to + begin * stride;
      rows.to_point = plane;
      rows.to_stride = stride;
      rows.count = static_cast<size_t>(dense ? (end - begin) * count : count);
      rows.repeats = static_cast<size_t>(dense ? 1 : end - begin);
      t_.kernels.winograd_input[ny](rows);
    }
    if (nx == 1) return;
    for (int64_t k = 0; k < ny; ++k) {
      transform_columns(t_.rows + k * plane, t_.w.chunk, tiles, count, v + k * nx * t_.w.point_pitch);
    }
  }

  // Along x: pixels of a row `stride` apart into V.
  void transform_columns(const float* row, int64_t stride, int64_t tiles, int64_t count, float* v) {
    arch::WinogradInput windows{};
    for (int64_t x = 0; x < t_.plan.x.points; ++x) {
      windows.from[x] = row + x * stride;
      windows.from_stride[x] = t_.plan.x.outputs * stride;
    }
    windows.to = v;
    windows.to_point = t_.w.point_pitch;
    windows.to_stride = t_.w.pitch;
    windows.count = static_cast<size_t>(count);
    windows.repeats = static_cast<size_t>(tiles);
    t_.kernels.winograd_input[t_.plan.x.points](windows);
  }

  const BlockTask& t_;
};

}  // namespace

void transform_input(const BlockTask& task) {
  InputTransform transform(task);
  for (int64_t i = 0; i < task.block.lines; ++i) transform.transform_line(i);
}

}  // namespace tconv::winograd
