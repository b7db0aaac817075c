#include <algorithm>
#include <type_traits>

#include "activation.hpp"
#include "streamed_output.hpp"
#include "winograd_pieces.hpp"
#include "winograd_task.hpp"

namespace tconv::winograd {
namespace {

// Planes often lie at multiples of 4 KiB from each other, where their lines share one set of L1; it has room for eight and the
// strip.
constexpr int64_t planes_together = 8;

class OutputTransform {
 public:
  explicit OutputTransform(const BlockTask& task)
      : t_(task),
        pieces_(task.layer, task.plan),
        epilogue_(fused_epilogue(task.layer.description.activation)),
        activation_(unfused_activation(task.kernels.activations, task.layer.description.activation.kind)) {}

  void store(size_t first, size_t last) {
    if (t_.planes_stored) {
      const size_t unit = static_cast<size_t>(t_.plan.unit_panels);
      for (size_t i = first; i < last; i += unit) store_planes(first, i, i + unit);
      return;
    }
    for (int64_t i = 0; i < t_.block.lines; ++i) {
      store_line(first, first, last, i, pixels_at(t_.line(i)));
    }
  }

 private:
  // Where outputs and residuals are written and read: a tensor, or the strip before it is transposed.
  template <typename T>
  struct Place {
    T* origin = nullptr;  // output (0, 0) of channel 0
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

  // The channel group of an image.
  Places pixels_at(const Line& at) const {
    const int64_t channel = t_.block.group * t_.layer.out_per_group;
    const auto place = [&](auto* tensor, const Pitch& p) {
      return Place<std::remove_pointer_t<decltype(tensor)>>{
          tensor + at.image * p.batch + t_.block.plane * p.plane + channel * p.channel, p.row, p.pixel};
    };
    Places places{place(t_.arguments.output, t_.layer.geometry.output_pitch), {}};
    if (t_.arguments.residual != nullptr) places.residual = place(t_.arguments.residual, t_.layer.geometry.residual_pitch);
    return places;
  }

  // All x-phases of some channels of one y-phase.
  void store_planes(size_t first_panel, size_t first, size_t last) {
    const Panel& panel = t_.plan.panels[first];
    const Axis& axis = t_.layer.axis(2);
    const PhaseDomain& y_phase = t_.y_of(panel);
    int64_t lowest = INT64_MAX;  // output of the first phase at g = 0
    for (const PhaseDomain& x : t_.plan.x.phase) lowest = std::min(lowest, x.output);
    for (int64_t i = 0; i < t_.block.lines; ++i) {
      const Line at = t_.line(i);
      const Range range = outputs_of(t_.plan.y, y_phase, at.y);
      if (range.empty()) continue;
      // Outputs of the strip: those of g in [at.x, at.x + columns * m).
      const int64_t origin = axis.stride * at.x + lowest;
      const int64_t width = axis.stride * t_.block.columns * t_.plan.x.outputs;
      const int64_t begin = std::clamp<int64_t>(origin, 0, t_.layer.output(2));
      const int64_t end = std::clamp<int64_t>(origin + width, begin, t_.layer.output(2));
      if (begin == end) continue;
      const int64_t row_step = output_step(t_.layer.axis(1), t_.plan.y);
      const int64_t first_row = axis_output(t_.layer.axis(1), y_phase, at.y);
      // The strip has all channels, or those of a pass.
      const int64_t first_channel = t_.plan.merged ? 0 : panel.channel;
      const int64_t channels = t_.plan.merged ? t_.layer.out_per_group : panel.columns;
      const int64_t channel = t_.block.group * t_.layer.out_per_group + first_channel;
      const int64_t pixel = strip_pixel(t_.layer, t_.plan, t_.padded(panel));
      // Row t of the strip is output t of the tiles, so that store_line() finds it at that row's position in the image.
      const Place<float> strip{t_.outputs - origin * pixel, width * pixel, pixel};
      const auto rows = [&](const auto& f) {
        for (int64_t t = range.first; t < range.last; ++t) f(t, first_row + t * row_step);
      };
      Place<const float> residual{};
      if (t_.arguments.residual != nullptr) {
        const Pitch& q = t_.layer.geometry.residual_pitch;
        rows([&](int64_t t, int64_t row) {
          t_.kernels.transpose(t_.arguments.residual + at.image * q.batch + t_.block.plane * q.plane + channel * q.channel +
                                   row * q.row + begin * q.pixel,
                               q.channel, static_cast<size_t>(channels), static_cast<size_t>(end - begin), strip.at(t, begin),
                               pixel);
        });
        residual = {strip.origin - first_channel, strip.row, strip.pixel};
      }
      store_line(first_panel, first, last, i, {{strip.origin - first_channel, strip.row, strip.pixel}, residual});
      const Pitch& p = t_.layer.geometry.output_pitch;
      float* const planes = t_.arguments.output + at.image * p.batch + t_.block.plane * p.plane + channel * p.channel;
      rows([&](int64_t t, int64_t row) {
        float* const to = planes + row * p.row + begin * p.pixel;
        for (int64_t c = 0; c < channels; c += planes_together) {
          t_.kernels.transpose(strip.at(t, begin) + c, pixel, static_cast<size_t>(end - begin),
                               static_cast<size_t>(std::min(planes_together, channels - c)), to + c * p.channel, p.channel);
        }
      });
    }
  }

  // Position of the output of phase `phase` at g.
  static int64_t axis_output(const Axis& axis, const PhaseDomain& phase, int64_t g) { return axis.stride * g + phase.output; }

  // The outputs of the panels [first, last) in line i, a few tiles of all panels at a time: neighbouring phases and channels are
  // neighbours in memory. M begins with panel `first_panel`.
  void store_line(size_t first_panel, size_t first, size_t last, int64_t i, const Places& places) {
    const Line at = t_.line(i);
    const auto tiles_of = [&](size_t p, int64_t c) {
      return t_.m + static_cast<int64_t>(p - first_panel) * t_.w.panel_pitch +
             (i * t_.block.columns + c) * t_.padded(t_.plan.panels[p]);
    };
    if (t_.plan.x.points == 1) {
      for (size_t p = first; p < last; ++p) {
        const Panel& panel = t_.plan.panels[p];
        const auto store = [&](const Piece& piece) { store_columns(tiles_of(p, 0), panel, piece, at, places); };
        store(pieces_.whole(panel));
        pieces_.for_each_other(panel, store);
      }
      return;
    }
    PanelRow row[stored_together];
    for (size_t p = first; p < last; p += size_t{stored_together}) {
      const size_t count = std::min(size_t{stored_together}, last - p);
      for (size_t k = 0; k < count; ++k) row[k] = panel_row(t_.plan.panels[p + k], at, places);
      store_panels(row, count, at, [&](size_t k, int64_t c) { return tiles_of(p + k, c); });
    }
  }

  // A panel's outputs in a line of tiles.
  struct PanelRow {
    const Panel* panel;
    const PhaseDomain* phase;  // of x, of column 0
    Piece whole;
    Range rows;
    bool live;                  // else its sums are zeros
    Places places;              // of the first row that has outputs
    arch::WinogradOutput last;  // all but what depends on the tile
  };

  PanelRow panel_row(const Panel& panel, const Line& at, const Places& places) const {
    PanelRow row{};
    row.panel = &panel;
    row.phase = &t_.x_of(panel);
    row.rows = outputs_of(t_.plan.y, t_.y_of(panel), at.y);
    if (row.rows.empty()) return row;
    row.whole = pieces_.whole(panel);
    row.places = places;
    const int64_t first_row = row_of(panel, at, row.rows.first);
    row.places.output.origin = places.output.at(first_row, 0);
    if (places.residual.origin != nullptr) row.places.residual.origin = places.residual.at(first_row, 0);
    const int64_t rows = row.rows.last - row.rows.first;
    const int64_t row_step = t_.planes_stored ? 1 : output_step(t_.layer.axis(1), t_.plan.y);
    row.last = last_transform(panel, row.whole, places.output);
    row.live = t_.plan.live(panel);
    row.last.has_first = row.phase->first_point == 0;
    row.last.has_last = row.phase->last_point == t_.plan.x.points;
    row.last.to_stride = neighbour_distance(rows, row_step, places.output.row);
    row.last.residual_stride = neighbour_distance(rows, row_step, places.residual.row);
    row.last.repeats = static_cast<size_t>(rows);
    return row;
  }

  template <typename TilesOf>
  void store_panels(PanelRow* row, size_t count, const Line& at, const TilesOf& tiles_of) {
    const bool two = t_.plan.y.points > 1;
    const int64_t chunk = tiles_together();
    for (int64_t c = 0; c < t_.block.columns; c += t_.w.inner_tiles) {
      const int64_t tiles = std::min(t_.w.inner_tiles, t_.block.columns - c);
      for (size_t k = 0; k < count; ++k) {
        if (row[k].rows.empty() || !row[k].live) continue;
        const int64_t point = two ? tiles * t_.padded(*row[k].panel) : t_.w.m_point;
        row[k].last.from_point = point;
        row[k].last.from_stride = row[k].phase->points() * point;
        if (two) transform_rows(tiles_of(k, c), row[k], tiles, t_.inner + static_cast<int64_t>(k) * t_.w.inner_panel);
      }
      const auto sums = [&](size_t k, int64_t i) -> const float* {
        if (!row[k].live) return t_.zeros;
        const float* const tile = two ? t_.inner + static_cast<int64_t>(k) * t_.w.inner_panel : tiles_of(k, c);
        return tile + i * t_.padded(*row[k].panel);
      };
      for (int64_t i = 0; i < tiles; i += chunk) {
        const int64_t end = std::min(tiles, i + chunk);
        for (size_t k = 0; k < count; ++k) {
          if (row[k].rows.empty()) continue;
          const Range whole = chunk == 1 ? Range{} : whole_tiles(row[k], at, c + i, c + end);
          for (int64_t j = i, n = 1; j < end; j += n) {
            n = c + j == whole.first && !whole.empty() ? whole.last - whole.first : 1;
            store_tiles(sums(k, j), row[k], row[k].whole, row[k].last, at, c + j, n);
          }
        }
      }
      for (size_t k = 0; k < count; ++k) {
        if (row[k].rows.empty()) continue;
        pieces_.for_each_other(*row[k].panel, [&](const Piece& piece) {
          const int64_t tile = t_.plan.x.step * t_.plan.x.outputs;
          const int64_t begin = std::max<int64_t>(0, floor_div(piece.begin - at.x, tile) - c);
          const int64_t end = std::min(tiles, ceil_div(piece.end - at.x, tile) - c);
          if (begin >= end) return;
          arch::WinogradOutput part = row[k].last;
          take_columns(*row[k].panel, piece, &part);
          part.streams = false;
          for (int64_t i = begin; i < end; ++i) store_tiles(sums(k, i) + piece.first, row[k], piece, part, at, c + i, 1);
        });
      }
    }
  }

  // Along y: [row][x point][tile][column] of some tiles of a line.
  void transform_rows(const float* tiles, const PanelRow& row, int64_t count, float* to) {
    const PhaseDomain& phase = t_.y_of(*row.panel);
    const int64_t x_points = row.phase->points();
    const int64_t run = count * t_.padded(*row.panel);
    arch::WinogradOutput inner{};
    inner.from = tiles;
    inner.from_point = x_points * t_.w.m_point;
    inner.from_stride = t_.w.m_point;
    inner.has_first = phase.first_point == 0;
    inner.has_last = phase.last_point == t_.plan.y.points;
    for (int64_t t = row.rows.first; t < row.rows.last; ++t) inner.to[t] = to + (t - row.rows.first) * x_points * run;
    inner.to_stride = run;
    inner.count = static_cast<size_t>(run);
    inner.repeats = static_cast<size_t>(x_points);
    t_.kernels.winograd_output[t_.plan.y.points][t_.plan.y.outputs](inner);
  }

  // What all last transforms of a piece share.
  arch::WinogradOutput last_transform(const Panel& panel, const Piece& piece, const Place<float>& output) const {
    arch::WinogradOutput last{};
    take_columns(panel, piece, &last);
    last.epilogue = epilogue_;
    const bool whole = piece.last - piece.first == panel.columns;
    last.streams = t_.plan.streams && whole && panel.columns % line_floats == 0 && line_aligned(output.origin + panel.channel);
    return last;
  }
  void take_columns(const Panel& panel, const Piece& piece, arch::WinogradOutput* last) const {
    const int64_t at = t_.block.group * t_.plan.bias_columns + panel.channel + piece.first;
    last->count = static_cast<size_t>(piece.last - piece.first);
    last->bias = t_.plan.bias.data() + at;
    last->slopes = t_.plan.slopes.size() != 0 ? t_.plan.slopes.data() + at : nullptr;
  }

  void activate(const arch::WinogradOutput& stored, const Range& outputs) {
    if (activation_ == nullptr) return;
    for (int64_t t = outputs.first; t < outputs.last; ++t) {
      for (size_t k = 0; k < stored.repeats; ++k) {
        activation_(stored.to[t] + static_cast<int64_t>(k) * stored.to_stride, stored.count, t_.layer.description.activation.alpha);
      }
    }
  }

  // Where a piece is stored in cell g.
  int64_t pixel_of(const Panel& panel, const Piece& piece, int64_t g) const {
    return axis_output(t_.layer.axis(2), pieces_.phase_of(panel, piece.phase), g);
  }

  // Tiles of one row whose outputs L1 holds until those of the next panels join them; of several rows one.
  int64_t tiles_together() const {
    constexpr int64_t most_floats = 1 << 12;
    if (t_.plan.y.points > 1) return 1;
    return std::max<int64_t>(1, most_floats / (cells_of_tile() * t_.layer.axis(2).stride * t_.layer.out_per_group));
  }

  // Cells from the first of a tile to the next tile's.
  int64_t cells_of_tile() const { return t_.plan.x.step * t_.plan.x.outputs; }

  // Those of the tiles [first, last) of which the panel has all outputs.
  Range whole_tiles(const PanelRow& row, const Line& at, int64_t first, int64_t last) const {
    const int64_t tile = cells_of_tile();
    const int64_t last_cell = t_.plan.x.step * (t_.plan.x.outputs - 1);
    const int64_t begin = std::clamp(ceil_div(row.whole.begin - at.x, tile), first, last);
    return {begin, std::clamp(floor_div(row.whole.end - 1 - last_cell - at.x, tile) + 1, begin, last)};
  }

  // Along x: `from` has [row][x point] of tile c, from the first column of the piece; or [x point] of `count` tiles from c on, of
  // which the piece has all outputs.
  void store_tiles(const float* from, const PanelRow& row, const Piece& piece, arch::WinogradOutput& last, const Line& at,
                   int64_t c, int64_t count) {
    const int64_t g = at.x + c * t_.plan.x.step * t_.plan.x.outputs;
    const Range range = outputs_of(t_.plan.x, piece, g);
    if (range.empty()) return;
    const int64_t pixel_step = output_step(t_.layer.axis(2), t_.plan.x);
    const int64_t pixel = pixel_of(*row.panel, piece, g);
    last.from = from;
    for (int64_t t = 0; t < t_.plan.x.outputs; ++t) {
      const bool inside = t >= range.first && t < range.last;
      const int64_t x = pixel + t * pixel_step;
      last.to[t] = inside ? row.places.output.at(0, x) + piece.channel : nullptr;
      if (row.places.residual.origin != nullptr) last.residual[t] = inside ? row.places.residual.at(0, x) + piece.channel : nullptr;
    }
    if (count != 1) {
      const int64_t pixels = t_.layer.axis(2).stride * cells_of_tile();
      last.repeats = static_cast<size_t>(count);
      last.from_stride = row.live ? t_.padded(*row.panel) : 0;
      last.to_stride = neighbour_distance(count, pixels, row.places.output.pixel);
      last.residual_stride = neighbour_distance(count, pixels, row.places.residual.pixel);
    }
    t_.kernels.winograd_output[t_.plan.x.points][t_.plan.x.outputs](last);
    activate(last, range);
    if (count != 1) last.repeats = 1;
  }

  // Along y, where x is not filtered: a tile is one pixel.
  void store_columns(const float* from, const Panel& panel, const Piece& piece, const Line& at, const Places& places) {
    const PhaseDomain& y_phase = t_.y_of(panel);
    const Range rows = outputs_of(t_.plan.y, y_phase, at.y);
    const int64_t step = t_.plan.x.step;
    const int64_t begin = std::clamp<int64_t>(ceil_div(piece.begin - at.x, step), 0, t_.block.columns);
    const int64_t end = std::clamp<int64_t>(ceil_div(piece.end - at.x, step), begin, t_.block.columns);
    if (rows.empty() || begin == end) return;
    const int64_t row_step = t_.planes_stored ? 1 : output_step(t_.layer.axis(1), t_.plan.y);
    const int64_t first_row = row_of(panel, at, rows.first);
    const int64_t pixel = pixel_of(panel, piece, at.x + begin * step);
    const int64_t pixel_step = output_step(t_.layer.axis(2), t_.plan.x);
    arch::WinogradOutput last = last_transform(panel, piece, places.output);
    last.from = t_.zeros;
    if (t_.plan.live(panel)) {
      last.from = from + piece.first + begin * t_.padded(panel);
      last.from_point = t_.w.m_point;
      last.from_stride = t_.padded(panel);
    }
    last.has_first = y_phase.first_point == 0;
    last.has_last = y_phase.last_point == t_.plan.y.points;
    last.to_stride = neighbour_distance(end - begin, pixel_step, places.output.pixel);
    last.residual_stride = neighbour_distance(end - begin, pixel_step, places.residual.pixel);
    last.repeats = static_cast<size_t>(end - begin);
    for (int64_t t = rows.first; t < rows.last; ++t) {
      const int64_t row = first_row + (t - rows.first) * row_step;
      last.to[t] = places.output.at(row, pixel) + piece.channel;
      if (places.residual.origin != nullptr) last.residual[t] = places.residual.at(row, pixel) + piece.channel;
    }
    t_.kernels.winograd_output[t_.plan.y.points][t_.plan.y.outputs](last);
    activate(last, rows);
  }

  // Row of output t of a line's tiles: in the image, or in the strip before it is transposed.
  int64_t row_of(const Panel& panel, const Line& at, int64_t t) const {
    if (t_.planes_stored) return t;
    return axis_output(t_.layer.axis(1), t_.y_of(panel), at.y) + t * output_step(t_.layer.axis(1), t_.plan.y);
  }

  const BlockTask& t_;
  const Pieces pieces_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;
};

}  // namespace

void store_outputs(const BlockTask& task, size_t first, size_t last) { OutputTransform(task).store(first, last); }

}  // namespace tconv::winograd
