#include <algorithm>
#include <cstring>
#include <type_traits>

#include "activation.hpp"
#include "checked.hpp"
#include "input_rows.hpp"
#include "outer_taps.hpp"
#include "tasks.hpp"
#include "winograd.hpp"
#include "winograd_workspace.hpp"

namespace tconv::winograd {
namespace {

// Some lines of tiles, a strip of their columns, and a part of the panels, of one output plane and channel group.
struct Block {
  int64_t group, plane;
  int64_t first_line, lines;
  int64_t first_column, columns;
  size_t first_panel, last_panel;
  int64_t tiles() const { return lines * columns; }
};

// Cuts the layer into blocks; for several threads into smaller ones, and then each block's panels. No result depends on the cuts.
class Blocks {
 public:
  Blocks(const Layer& layer, const Plan& plan, const Parallelism& parallelism)
      : layer_(layer), plan_(plan), block_lines_(plan.block_lines), block_columns_(plan.block_columns) {
    // Planes are written when all x-phases of their rows are there.
    unit_ = layer.description.layout == Layout::nchw ? static_cast<int64_t>(plan.x.phase.size()) : 1;
    units_ = ceil_div(static_cast<int64_t>(plan.panels.size()), unit_);
    const int64_t wanted = parallelism.threads > 1 ? 4 * static_cast<int64_t>(parallelism.threads) : 1;
    constexpr int64_t few_tiles = 16;  // fewer would waste the weights' way from the cache
    while (blocks() * parts_ < wanted) {
      if (block_lines_ * block_columns_ > few_tiles) {
        int64_t& longer = block_lines_ > 1 ? block_lines_ : block_columns_;
        longer = ceil_div(longer, 2);
      } else if (parts_ < units_) {
        parts_ = std::min(units_, 2 * parts_);
      } else {
        break;
      }
    }
    count_ = blocks() * parts_;
  }
  int64_t count() const { return count_; }

  Block operator[](int64_t index) const {
    const auto next = [&index](int64_t size) {
      const int64_t digit = index % size;
      index /= size;
      return digit;
    };
    Block block{};
    const int64_t part = next(parts_);
    const auto panel = [this](int64_t number) {
      return std::min(plan_.panels.size(), static_cast<size_t>(units_ * number / parts_ * unit_));
    };
    block.first_panel = panel(part);
    block.last_panel = panel(part + 1);
    block.first_column = next(strips()) * block_columns_;
    block.columns = std::min(block_columns_, plan_.x.tiles - block.first_column);
    block.first_line = next(line_blocks()) * block_lines_;
    block.lines = std::min(block_lines_, plan_.lines - block.first_line);
    block.plane = next(layer_.output(0));
    block.group = index;
    return block;
  }

 private:
  int64_t strips() const { return ceil_div(plan_.x.tiles, block_columns_); }
  int64_t line_blocks() const { return ceil_div(plan_.lines, block_lines_); }
  int64_t blocks() const { return layer_.description.groups * layer_.output(0) * line_blocks() * strips(); }

  const Layer& layer_;
  const Plan& plan_;
  int64_t block_lines_, block_columns_;
  int64_t unit_, units_;  // panels that stay together, and how many such there are
  int64_t parts_ = 1;
  int64_t count_ = 0;
};

// Where a line of tiles lies.
struct Line {
  int64_t image;
  int64_t y;  // g of its first row
  int64_t x;  // g of the first column of the strip
};

// Outputs [first, last) of a tile that a phase has, when the tile's outputs are at g, g + e, ...
struct Range {
  int64_t first, last;
  bool empty() const { return first >= last; }
};
Range outputs_of(const AxisDomain& domain, const PhaseDomain& phase, int64_t g) {
  const auto steps = [&](int64_t distance) { return domain.step == 1 ? distance : ceil_div(distance, domain.step); };
  const int64_t first = std::clamp<int64_t>(steps(phase.begin - g), 0, domain.outputs);
  return {first, std::clamp<int64_t>(steps(phase.end - g), first, domain.outputs)};
}

// Steps of a sum ahead of which weights are asked for: far enough for the time that memory takes, near enough to be still there.
constexpr int64_t steps_ahead = 32;

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        w_(workspace(layer, kernels, plan, plan.block_lines, plan.block_columns)),
        planes_(layer.description.layout == Layout::nchw),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    float* at = reinterpret_cast<float*>(arguments.workspace + slot * workspace_bytes(layer, kernels, plan));
    const auto take = [&at](int64_t floats) {
      float* const taken = at;
      at += floats;
      return taken;
    };
    v_ = take(w_.v);
    m_ = take(w_.m);
    source_ = take(w_.source);
    rows_ = take(w_.rows);
    inner_ = take(w_.inner);
    outputs_ = take(w_.outputs);
    zeros_ = take(w_.zeros);
    std::memset(zeros_, 0, static_cast<size_t>(w_.zeros) * sizeof(float));
  }

  void run(const Block& block) {
    block_ = block;
    z_ = outer_taps(layer_, 0, block.plane);
    first_z_ = 0;
    last_z_ = 0;
    for (int64_t j = 0; j < z_.taps; ++j) {  // those that meet the image are neighbours
      const int64_t at = z_.input(j);
      if (at < 0 || at >= layer_.axis(0).input) continue;
      if (last_z_ == 0) first_z_ = j;
      last_z_ = j + 1;
    }
    for (int64_t i = 0; i < block.lines; ++i) transform_line(i);
    for (size_t p = block.first_panel; p < block.last_panel; p += static_cast<size_t>(plan_.group_panels)) {
      const size_t end = std::min(block.last_panel, p + static_cast<size_t>(plan_.group_panels));
      multiply(p, end);
      if (planes_) {
        const size_t x_phases = plan_.x.phase.size();
        for (size_t i = p; i < end; i += x_phases) store_planes(p, i, i + x_phases);
      } else {
        for (int64_t i = 0; i < block.lines; ++i) {
          store_line(p, p, end, i, [this](const Panel& panel, const Line& at) { return pixels_at(panel, at); });
        }
      }
    }
  }

 private:
  Line line(int64_t i) const {
    int64_t index = block_.first_line + i;
    const auto next = [&index](int64_t size) {
      const int64_t digit = index % size;
      index /= size;
      return digit;
    };
    const int64_t x_residue = next(plan_.x.residues);
    const int64_t tile = next(plan_.y.tiles);
    const int64_t y_residue = next(plan_.y.residues);
    return {index, plan_.y.begin + y_residue + plan_.y.step * plan_.y.outputs * tile,
            plan_.x.begin + x_residue + plan_.x.step * plan_.x.outputs * block_.first_column};
  }

  // V of a line.
  void transform_line(int64_t i) {
    const Line at = line(i);
    const Geometry& g = layer_.geometry;
    const int64_t width = g.axis[2].input;
    const int64_t step = plan_.x.step;
    const int64_t first = at.x + plan_.x.lowest;  // input of the first pixel of the windows
    const int64_t pixels = (block_.columns - 1) * plan_.x.outputs + plan_.x.points;
    const int64_t begin = std::clamp<int64_t>(ceil_div(-first, step), 0, pixels);
    const int64_t end = std::clamp<int64_t>(ceil_div(width - first, step), begin, pixels);
    const float* const image =
        arguments_.input + at.image * g.input_pitch.batch + block_.group * layer_.in_per_group * g.input_pitch.channel;
    for (int64_t jz = first_z_; jz < last_z_; ++jz) {
      const float* const plane = image + z_.input(jz) * g.input_pitch.plane;
      for (int64_t c = 0; c < layer_.in_per_group; c += w_.chunk) {
        const int64_t count = std::min(w_.chunk, layer_.in_per_group - c);
        Pixels from[arch::max_points];
        for (int64_t k = 0; k < plan_.y.points; ++k) {
          const int64_t y = at.y + plan_.y.lowest + k * plan_.y.step;
          if (y < 0 || y >= g.axis[1].input || begin == end) {
            from[k] = {zeros_, 0};
          } else {
            from[k] = pixels_of(plane + y * g.input_pitch.row + c * g.input_pitch.channel, first, begin, end, count, k);
          }
        }
        float* const v = v_ + i * block_.columns * w_.pitch + jz * layer_.in_per_group + c;
        transform_pixels(from, begin, end, pixels, count, v);
      }
    }
  }

  // Pixels `stride` floats apart.
  struct Pixels {
    const float* first;
    int64_t stride;
  };

  // The pixels [begin, end) of windows that begin at input `first`: in place, or copied when they are planar or to be activated.
  Pixels pixels_of(const float* row, int64_t first, int64_t begin, int64_t end, int64_t count, int64_t k) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const int64_t step = plan_.x.step;
    const float* const from = row + (first + step * begin) * pitch.pixel;
    const int64_t stride = neighbour_distance(end - begin, step, pitch.pixel);
    if (w_.source == 0) return {from, stride};
    float* const to = source_ + k * w_.pixels * w_.chunk;
    if (planes_) {
      kernels_.transpose(from, pitch.channel, static_cast<size_t>(count), static_cast<size_t>(end - begin), to, w_.chunk);
    } else {
      for (int64_t x = 0; x < end - begin; ++x)
        std::memcpy(to + x * w_.chunk, from + x * stride, static_cast<size_t>(count) * sizeof(float));
    }
    for (int64_t x = 0; x < end - begin; ++x) activate_input(layer_, kernels_, to + x * w_.chunk, static_cast<size_t>(count));
    return {to, w_.chunk};
  }

  // Along y into rows_, then along x into V. `from`: pixel `begin` of each row of a line's windows.
  void transform_pixels(const Pixels* from, int64_t begin, int64_t end, int64_t pixels, int64_t count, float* v) {
    const int64_t ny = plan_.y.points;
    const int64_t nx = plan_.x.points;
    // Where pixels go: those of tiles when x is not filtered.
    const int64_t stride = nx > 1 ? w_.chunk : w_.pitch;
    const int64_t plane = nx > 1 ? w_.pixels * w_.chunk : w_.point_pitch;
    float* const to = nx > 1 ? rows_ : v;
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
      kernels_.winograd_input[ny](rows);
    }
    if (nx == 1) return;
    for (int64_t k = 0; k < ny; ++k) {
      arch::WinogradInput tiles{};
      for (int64_t x = 0; x < nx; ++x) {
        tiles.from[x] = rows_ + k * plane + x * w_.chunk;
        tiles.from_stride[x] = plan_.x.outputs * w_.chunk;
      }
      tiles.to = v + k * nx * w_.point_pitch;
      tiles.to_point = w_.point_pitch;
      tiles.to_stride = w_.pitch;
      tiles.count = static_cast<size_t>(count);
      tiles.repeats = static_cast<size_t>(block_.columns);
      kernels_.winograd_input[nx](tiles);
    }
  }

  // M of the panels [first, last).
  void multiply(size_t first, size_t last) {
    const int64_t points = plan_.y.points * plan_.x.points;
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const int64_t steps = z_.taps * layer_.in_per_group;
    const float* const weights = plan_.weights.data() + block_.group * plan_.group_weights +
                                 (z_.phase != nullptr ? plan_.z_weights_at[static_cast<size_t>(z_.number)] : int64_t{0});
    for (int64_t point = 0; point < points; ++point) {
      const arch::GemmSegment segment{v_ + point * w_.point_pitch + first_z_ * layer_.in_per_group,
                                      static_cast<size_t>((last_z_ - first_z_) * layer_.in_per_group),
                                      static_cast<size_t>(first_z_ * layer_.in_per_group)};
      for (size_t p = first; p < last; ++p) {
        const int64_t at = plan_.weights_at[p * static_cast<size_t>(points) + static_cast<size_t>(point)];
        if (at < 0) continue;
        const Panel& panel = plan_.panels[p];
        arch::GemmStrip strip{};
        strip.segment = &segment;
        strip.segments = segment.k != 0 ? 1 : 0;
        strip.a_stride = w_.pitch;
        strip.b = weights + at * steps;
        strip.c = m_ + static_cast<int64_t>(p - first) * w_.panel_pitch + place_of(panel, point);
        strip.c_stride = padded(panel);
        strip.rows = static_cast<size_t>(block_.tiles());
        strip.columns = static_cast<size_t>(panel.vectors * lanes);
        strip.bias = zeros_;
        strip.weights_ahead = plan_.far_weights ? static_cast<size_t>(steps_ahead * padded(panel)) : 0;
        kernels_.gemm[panel.vectors - 1](strip);
      }
    }
  }

  const PhaseDomain& y_of(const Panel& panel) const { return plan_.y.phase[static_cast<size_t>(panel.y)]; }
  const PhaseDomain& x_of(const Panel& panel) const { return plan_.x.phase[static_cast<size_t>(panel.x)]; }

  // A point's place in a panel's part of M: [y point][x point][tile][column], without the points that are dropped.
  int64_t place_of(const Panel& panel, int64_t point) const {
    const PhaseDomain& y = y_of(panel);
    const PhaseDomain& x = x_of(panel);
    const int64_t py = point / plan_.x.points - y.first_point;
    const int64_t px = point % plan_.x.points - x.first_point;
    return (py * x.points() + px) * w_.m_point;
  }
  int64_t padded(const Panel& panel) const { return panel.vectors * static_cast<int64_t>(kernels_.lanes); }

  // Where outputs and residuals are written and read: a tensor, or the strip before it is transposed.
  template <typename T>
  struct Place {
    T* origin = nullptr;  // output (0, 0) of the panel's first channel
    int64_t row = 0;
    int64_t pixel = 0;
    T* at(int64_t y, int64_t x) const { return origin + y * row + x * pixel; }
  };

  // Between the pixels of neighbouring outputs of one phase.
  static int64_t output_step(const Axis& axis, const AxisDomain& domain) { return axis.stride * domain.step; }

  // Where the outputs of a panel go, and its residual comes from.
  struct Places {
    Place<float> output;
    Place<const float> residual;
  };

  // The panel's channels of an image.
  Places pixels_at(const Panel& panel, const Line& at) const {
    const int64_t channel = block_.group * layer_.out_per_group + panel.first_channel;
    const auto place = [&](auto* tensor, const Pitch& p) {
      return Place<std::remove_pointer_t<decltype(tensor)>>{
          tensor + at.image * p.batch + block_.plane * p.plane + channel * p.channel, p.row, p.pixel};
    };
    Places places{place(arguments_.output, layer_.geometry.output_pitch), {}};
    if (arguments_.residual != nullptr) places.residual = place(arguments_.residual, layer_.geometry.residual_pitch);
    return places;
  }

  // All x-phases of some channels of one y-phase.
  void store_planes(size_t first_panel, size_t first, size_t last) {
    const Panel& panel = plan_.panels[first];
    const Axis& axis = layer_.axis(2);
    const PhaseDomain& y_phase = y_of(panel);
    int64_t lowest = INT64_MAX;  // output of the first phase at g = 0
    for (const PhaseDomain& x : plan_.x.phase) lowest = std::min(lowest, x.output);
    for (int64_t i = 0; i < block_.lines; ++i) {
      const Line at = line(i);
      const Range range = outputs_of(plan_.y, y_phase, at.y);
      if (range.empty()) continue;
      // Outputs of the strip: those of g in [at.x, at.x + columns * m).
      const int64_t origin = axis.stride * at.x + lowest;
      const int64_t width = axis.stride * block_.columns * plan_.x.outputs;
      const int64_t begin = std::clamp<int64_t>(origin, 0, layer_.output(2));
      const int64_t end = std::clamp<int64_t>(origin + width, begin, layer_.output(2));
      if (begin == end) continue;
      const int64_t row_step = output_step(layer_.axis(1), plan_.y);
      const int64_t first_row = axis_output(layer_.axis(1), y_phase, at.y);
      const int64_t channel = block_.group * layer_.out_per_group + panel.first_channel;
      const int64_t columns = padded(panel);
      // Row t of the strip is output t of the tiles, so that store_line() finds it at that row's position in the image.
      const Place<float> strip{outputs_ - origin * columns, width * columns, columns};
      const auto rows = [&](const auto& f) {
        for (int64_t t = range.first; t < range.last; ++t) f(t, first_row + t * row_step);
      };
      Place<const float> residual{};
      if (arguments_.residual != nullptr) {
        const Pitch& q = layer_.geometry.residual_pitch;
        rows([&](int64_t t, int64_t row) {
          kernels_.transpose(arguments_.residual + at.image * q.batch + block_.plane * q.plane + channel * q.channel + row * q.row +
                                 begin * q.pixel,
                             q.channel, static_cast<size_t>(panel.channels), static_cast<size_t>(end - begin), strip.at(t, begin),
                             columns);
        });
        residual = {strip.origin, strip.row, strip.pixel};
      }
      store_line(first_panel, first, last, i, [&](const Panel&, const Line&) { return Places{strip, residual}; });
      const Pitch& p = layer_.geometry.output_pitch;
      rows([&](int64_t t, int64_t row) {
        kernels_.transpose(
            strip.at(t, begin), columns, static_cast<size_t>(end - begin), static_cast<size_t>(panel.channels),
            arguments_.output + at.image * p.batch + block_.plane * p.plane + channel * p.channel + row * p.row + begin * p.pixel,
            p.channel);
      });
    }
  }

  // Position of the output of phase `phase` at g.
  static int64_t axis_output(const Axis& axis, const PhaseDomain& phase, int64_t g) { return axis.stride * g + phase.output; }

  // The outputs of the panels [first, last) in line i, a few tiles of all panels at a time: neighbouring phases and channels are
  // neighbours in memory. M begins with panel `first_panel`.
  template <typename PlacesOf>
  void store_line(size_t first_panel, size_t first, size_t last, int64_t i, const PlacesOf& places_of) {
    const Line at = line(i);
    const auto tiles_of = [&](size_t p, int64_t c) {
      return m_ + static_cast<int64_t>(p - first_panel) * w_.panel_pitch + (i * block_.columns + c) * padded(plan_.panels[p]);
    };
    if (plan_.x.points == 1) {
      for (size_t p = first; p < last; ++p) store_columns(tiles_of(p, 0), plan_.panels[p], at, places_of(plan_.panels[p], at));
      return;
    }
    PanelRow row[stored_together];
    for (size_t p = first; p < last; p += size_t{stored_together}) {
      const size_t count = std::min(size_t{stored_together}, last - p);
      for (size_t k = 0; k < count; ++k) row[k] = panel_row(plan_.panels[p + k], at, places_of(plan_.panels[p + k], at));
      store_panels(row, count, at, [&](size_t k, int64_t c) { return tiles_of(p + k, c); });
    }
  }

  // A panel's outputs in a line of tiles.
  struct PanelRow {
    const Panel* panel;
    const PhaseDomain* phase;  // of x
    Range rows;
    int64_t pixel;              // output of the first tile's first g
    Places places;              // of the first row that has outputs
    arch::WinogradOutput last;  // all but what depends on the tile
  };

  PanelRow panel_row(const Panel& panel, const Line& at, const Places& places) const {
    PanelRow row{};
    row.panel = &panel;
    row.phase = &x_of(panel);
    row.rows = outputs_of(plan_.y, y_of(panel), at.y);
    if (row.rows.empty()) return row;
    row.pixel = axis_output(layer_.axis(2), *row.phase, at.x);
    row.places = places;
    const int64_t first_row = row_of(panel, at, row.rows.first);
    row.places.output.origin = places.output.at(first_row, 0);
    if (places.residual.origin != nullptr) row.places.residual.origin = places.residual.at(first_row, 0);
    const int64_t rows = row.rows.last - row.rows.first;
    const int64_t row_step = planes_ ? 1 : output_step(layer_.axis(1), plan_.y);
    row.last = last_transform(panel);
    row.last.has_first = row.phase->first_point == 0;
    row.last.has_last = row.phase->last_point == plan_.x.points;
    row.last.to_stride = neighbour_distance(rows, row_step, places.output.row);
    row.last.residual_stride = neighbour_distance(rows, row_step, places.residual.row);
    row.last.repeats = static_cast<size_t>(rows);
    return row;
  }

  template <typename TilesOf>
  void store_panels(PanelRow* row, size_t count, const Line& at, const TilesOf& tiles_of) {
    const bool two = plan_.y.points > 1;
    for (int64_t c = 0; c < block_.columns; c += w_.inner_tiles) {
      const int64_t tiles = std::min(w_.inner_tiles, block_.columns - c);
      for (size_t k = 0; k < count; ++k) {
        if (row[k].rows.empty()) continue;
        const int64_t point = two ? tiles * padded(*row[k].panel) : w_.m_point;
        row[k].last.from_point = point;
        row[k].last.from_stride = row[k].phase->points() * point;
        if (two) transform_rows(tiles_of(k, c), row[k], tiles, inner_ + static_cast<int64_t>(k) * w_.inner_panel);
      }
      for (int64_t i = 0; i < tiles; ++i) {
        for (size_t k = 0; k < count; ++k) {
          if (row[k].rows.empty()) continue;
          const float* const from = two ? inner_ + static_cast<int64_t>(k) * w_.inner_panel : tiles_of(k, c);
          store_tile(from + i * padded(*row[k].panel), row[k], at, c + i);
        }
      }
    }
  }

  // Along y: [row][x point][tile][column] of some tiles of a line.
  void transform_rows(const float* tiles, const PanelRow& row, int64_t count, float* to) {
    const PhaseDomain& phase = y_of(*row.panel);
    const int64_t x_points = row.phase->points();
    const int64_t run = count * padded(*row.panel);
    arch::WinogradOutput inner{};
    inner.from = tiles;
    inner.from_point = x_points * w_.m_point;
    inner.from_stride = w_.m_point;
    inner.has_first = phase.first_point == 0;
    inner.has_last = phase.last_point == plan_.y.points;
    for (int64_t t = row.rows.first; t < row.rows.last; ++t) inner.to[t] = to + (t - row.rows.first) * x_points * run;
    inner.to_stride = run;
    inner.count = static_cast<size_t>(run);
    inner.repeats = static_cast<size_t>(x_points);
    kernels_.winograd_output[plan_.y.points][plan_.y.outputs](inner);
  }

  // What all last transforms of a panel share.
  arch::WinogradOutput last_transform(const Panel& panel) const {
    const int64_t at = block_.group * plan_.bias_columns + panel.columns_at;
    arch::WinogradOutput last{};
    last.count = static_cast<size_t>(panel.channels);
    last.bias = plan_.bias.data() + at;
    last.slopes = plan_.slopes.size() != 0 ? plan_.slopes.data() + at : nullptr;
    last.epilogue = epilogue_;
    return last;
  }

  void activate(const arch::WinogradOutput& stored, const Range& outputs) {
    if (activation_ == nullptr) return;
    for (int64_t t = outputs.first; t < outputs.last; ++t) {
      for (size_t k = 0; k < stored.repeats; ++k) {
        activation_(stored.to[t] + static_cast<int64_t>(k) * stored.to_stride, stored.count, layer_.description.activation.alpha);
      }
    }
  }

  // Along x: `from` has [row][x point] of tile c.
  void store_tile(const float* from, PanelRow& row, const Line& at, int64_t c) {
    const int64_t g = at.x + c * plan_.x.step * plan_.x.outputs;
    const Range range = outputs_of(plan_.x, *row.phase, g);
    if (range.empty()) return;
    const int64_t pixel_step = output_step(layer_.axis(2), plan_.x);
    const int64_t pixel = row.pixel + c * plan_.x.outputs * pixel_step;
    arch::WinogradOutput& last = row.last;
    last.from = from;
    for (int64_t t = 0; t < plan_.x.outputs; ++t) {
      const bool inside = t >= range.first && t < range.last;
      last.to[t] = inside ? row.places.output.at(0, pixel + t * pixel_step) : nullptr;
      if (row.places.residual.origin != nullptr) {
        last.residual[t] = inside ? row.places.residual.at(0, pixel + t * pixel_step) : nullptr;
      }
    }
    kernels_.winograd_output[plan_.x.points][plan_.x.outputs](last);
    activate(last, range);
  }

  // Along y, where x is not filtered: a tile is one pixel.
  void store_columns(const float* from, const Panel& panel, const Line& at, const Places& places) {
    const PhaseDomain& y_phase = y_of(panel);
    const PhaseDomain& x_phase = x_of(panel);
    const Range rows = outputs_of(plan_.y, y_phase, at.y);
    const int64_t step = plan_.x.step;
    const int64_t begin = std::clamp<int64_t>(ceil_div(x_phase.begin - at.x, step), 0, block_.columns);
    const int64_t end = std::clamp<int64_t>(ceil_div(x_phase.end - at.x, step), begin, block_.columns);
    if (rows.empty() || begin == end) return;
    const int64_t row_step = planes_ ? 1 : output_step(layer_.axis(1), plan_.y);
    const int64_t first_row = row_of(panel, at, rows.first);
    const int64_t pixel = axis_output(layer_.axis(2), x_phase, at.x + begin * step);
    const int64_t pixel_step = output_step(layer_.axis(2), plan_.x);
    arch::WinogradOutput last = last_transform(panel);
    last.from = from + begin * padded(panel);
    last.from_point = w_.m_point;
    last.from_stride = padded(panel);
    last.has_first = y_phase.first_point == 0;
    last.has_last = y_phase.last_point == plan_.y.points;
    last.to_stride = neighbour_distance(end - begin, pixel_step, places.output.pixel);
    last.residual_stride = neighbour_distance(end - begin, pixel_step, places.residual.pixel);
    last.repeats = static_cast<size_t>(end - begin);
    for (int64_t t = rows.first; t < rows.last; ++t) {
      const int64_t row = first_row + (t - rows.first) * row_step;
      last.to[t] = places.output.at(row, pixel);
      if (places.residual.origin != nullptr) last.residual[t] = places.residual.at(row, pixel);
    }
    kernels_.winograd_output[plan_.y.points][plan_.y.outputs](last);
    activate(last, rows);
  }

  // Row of output t of a line's tiles: in the image, or in the strip before it is transposed.
  int64_t row_of(const Panel& panel, const Line& at, int64_t t) const {
    if (planes_) return t;
    return axis_output(layer_.axis(1), y_of(panel), at.y) + t * output_step(layer_.axis(1), plan_.y);
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const Workspace w_;
  const bool planes_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;
  float *v_, *m_, *source_, *rows_, *inner_, *outputs_, *zeros_;

  // Of the block at hand.
  Block block_{};
  OuterTaps z_;
  int64_t first_z_ = 0, last_z_ = 0;
};

}  // namespace

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const Blocks blocks(layer, plan, arguments.parallelism);
  run_tasks(arguments.parallelism, blocks.count(),
            [&](int64_t index, size_t slot) { Task(layer, kernels, plan, arguments, slot).run(blocks[index]); });
}

}  // namespace tconv::winograd
