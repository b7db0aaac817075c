#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "input_rows.hpp"
#include "planar_tiles.hpp"
#include "planar_tiles_tasks.hpp"
#include "tasks.hpp"

namespace tconv::planar {
namespace {

// One thread's workspace, in floats.
struct TilesWorkspace {
  int64_t copies;  // [block][channel][column]
  int64_t lines;   // those of a chunk, and one for a residual that is not contiguous
  int64_t floats() const { return copies + lines; }
};

TilesWorkspace tiles_workspace(const Layer& layer, const arch::KernelTable& kernels, const TilesPlan& plan) {
  return {ceil_div(plan.blocks * plan.block_pitch, 16) * 16,
          (static_cast<int64_t>(kernels.planar_rows) / layer.axis(2).kernel + 1) * plan.line_pitch};
}

class TilesTask {
 public:
  TilesTask(const Layer& layer, const arch::KernelTable& kernels, const TilesPlan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        shape_(plan.shape),
        arguments_(arguments),
        lanes_(static_cast<int64_t>(kernels.lanes)),
        block_(static_cast<int64_t>(kernels.planar_vectors * kernels.lanes)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    const TilesWorkspace workspace = tiles_workspace(layer, kernels, plan);
    copies_ = reinterpret_cast<float*>(arguments.workspace) + static_cast<int64_t>(slot) * workspace.floats();
    scratch_ = copies_ + workspace.copies;
    periods_.segment = &segment_;
    periods_.channels = static_cast<size_t>(layer.in_per_group);
    periods_.channel_stride = plan.in_place ? shape_.in.channel : block_;
    periods_.block_stride = plan.in_place ? block_ : plan.block_pitch;
    periods_.phases = static_cast<size_t>(shape_.stride[2]);
    periods_.line = to_;
    periods_.segments = 1;
    periods_.asks = !plan.in_place || plan.asks;
    periods_.copy_block = plan_.block_pitch;
    if (plan.across_rows && plan.direct) {
      periods_.run = static_cast<size_t>(shape_.input[2]);
      periods_.line_run = shape_.stride[1] * shape_.out.row;
    }
    periods_.bias = bias_;
    periods_.slopes = slopes_;
    if (arguments.residual == nullptr) periods_.epilogue = fused_epilogue(layer.description.activation);
  }

  // `next`: the item after this one where this thread will do it, too.
  void run(const TilesTasks::Item& item, int64_t parts, const TilesTasks::Item* next) {
    image_ = item.image;
    group_ = item.group;
    plane_ = item.plane;
    first_row_ = item.row * plan_.rows;
    rows_ = std::min(plan_.rows, shape_.input[1] - first_row_);
    first_column_ = item.column * plan_.columns;
    columns_ = std::min(plan_.columns, shape_.input[2] - first_column_);
    input_ = input_of(item);
    copies_meanwhile_ = plan_.copies_meanwhile;
    if (!plan_.in_place && !copies_meanwhile_) copy_input();
    next_ = next != nullptr && plan_.fetches ? input_of(*next) : nullptr;
    const int64_t last = plan_.chunks * (item.part + 1) / parts;
    for (int64_t chunk = plan_.chunks * item.part / parts; chunk < last; ++chunk) {
      fetch_next(chunk);
      make_lines(line_chunk(layer_, plan_, chunk));
      copies_meanwhile_ = false;
    }
  }

  // The outputs of an image and channel group that no input reaches.
  void fill_rest(int64_t image, int64_t group) {
    image_ = image;
    group_ = group;
    int64_t end[max_rank];
    for (int a = 0; a < max_rank; ++a)
      end[a] = std::clamp<int64_t>(shape_.stride[a] * shape_.input[a] - shape_.pad[a], 0, shape_.output[a]);
    for (int64_t c = 0; c < layer_.out_per_group; ++c) {
      for (int64_t z = 0; z < shape_.output[0]; ++z) {
        for (int64_t y = 0; y < shape_.output[1]; ++y) fill(c, z, y, z < end[0] && y < end[1] ? end[2] : 0);
      }
    }
  }

 private:
  int64_t rounded_columns() const { return ceil_div(columns_, block_); }

  const float* input_of(const TilesTasks::Item& item) const {
    return arguments_.input + item.image * shape_.in.batch + item.group * layer_.in_per_group * shape_.in.channel +
           item.plane * shape_.in.plane + item.row * plan_.rows * shape_.in.row + item.column * plan_.columns * shape_.in.pixel;
  }

  // A part of the next item's input is asked for with the lines of each chunk: it comes from far, in runs that are too short for
  // hardware prefetchers. As large as this item; what lies beyond the tensor is asked for in vain.
  void fetch_next(int64_t chunk) {
    fetch_ = nullptr;
    periods_.fetches = 0;
    periods_.fetch_block = 0;
    if (next_ == nullptr) return;
    if (!plan_.fetches_meanwhile) return fetch_before(chunk);
    // By the kernel, for each block of columns: some channels of them.
    const int64_t first = layer_.in_per_group * chunk / plan_.chunks;
    periods_.fetches = static_cast<size_t>(layer_.in_per_group * (chunk + 1) / plan_.chunks - first);
    periods_.fetch_stride = shape_.in.channel;
    periods_.fetch_block = block_;
    fetch_ = next_ + first * shape_.in.channel;
  }

  // Before the lines are made.
  void fetch_before(int64_t chunk) const {
    const bool nchw = layer_.description.layout == Layout::nchw;
    const int64_t runs = nchw ? layer_.in_per_group : rows_;
    const int64_t line = 64 / static_cast<int64_t>(sizeof(float));
    const bool dense = nchw && shape_.in.row == columns_;
    const int64_t rows = nchw && !dense ? rows_ : 1;
    const int64_t length = dense ? rows_ * columns_ : columns_ * shape_.in.pixel;
    const int64_t last = runs * (chunk + 1) / plan_.chunks;
    for (int64_t i = runs * chunk / plan_.chunks; i < last; ++i) {
      for (int64_t row = 0; row < rows; ++row) {
        const float* const run = next_ + i * (nchw ? shape_.in.channel : shape_.in.row) + row * shape_.in.row;
        for (int64_t at = 0; at < length; at += line) __builtin_prefetch(run + at, 0, 2);
      }
    }
  }

  // [block][channel][column]; rows begin with a block of their own unless vectors run across them.
  void copy_input() {
    // Rows that follow each other, in memory and in blocks, are one.
    const bool one = plan_.across_rows || (columns_ % block_ == 0 && shape_.in.row == columns_ * shape_.in.pixel);
    const int64_t rows = one ? 1 : rows_;
    const int64_t columns = one ? rows_ * columns_ : columns_;
    const int64_t blocks = ceil_div(columns, block_);
    const int64_t channels = layer_.in_per_group;
    if (layer_.description.layout == Layout::nchw) {
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t row = 0; row < rows; ++row) {
          kernels_.copy_blocks(input_ + c * shape_.in.channel + row * shape_.in.row, static_cast<size_t>(columns),
                               copies_ + row * blocks * plan_.block_pitch + c * block_, plan_.block_pitch);
        }
      }
    } else {
      for (int64_t row = 0; row < rows; ++row) {
        kernels_.pixel_blocks(input_ + row * shape_.in.row, shape_.in.pixel, static_cast<size_t>(columns),
                              static_cast<size_t>(channels), copies_ + row * blocks * plan_.block_pitch);
      }
    }
    for (int64_t i = 0; layer_.has_input_activation() && i < rows * blocks; ++i)
      activate_input(layer_, kernels_, copies_ + i * plan_.block_pitch, static_cast<size_t>(channels * block_));
  }

  void make_lines(const LineChunk& chunk) {
    lines_ = chunk.end - chunk.begin;
    segment_.w = plan_.weights.data() + (group_ * plan_.lines + chunk.begin) * shape_.stride[2] * layer_.in_per_group;
    periods_.lines = static_cast<size_t>(lines_);
    list_lines(layer_, chunk, line_);
    for (int64_t i = 0; i < lines_; ++i) {
      const size_t channel = static_cast<size_t>(group_ * layer_.out_per_group + line_[i].channel);
      bias_[i] = plan_.bias[channel];
      slopes_[i] = plan_.slopes.size() != 0 ? plan_.slopes[channel] : 0.0f;
    }
    if (plan_.across_rows && plan_.direct) {
      for (int64_t i = 0; i < lines_; ++i) begin_[i] = output_row(line_[i], first_row_);
      make_columns(0, 0, rows_ * columns_);
      for (int64_t i = 0; activation_ != nullptr && i < lines_; ++i) {
        for (int64_t row = 0; row < rows_; ++row) activate(begin_[i] + row * periods_.line_run, shape_.stride[2] * columns_);
      }
      return;
    }
    if (plan_.across_rows) {
      for (int64_t i = 0; i < lines_; ++i) begin_[i] = scratch_ + i * plan_.line_pitch;
      make_columns(0, 0, rows_ * columns_);
      for (int64_t row = 0; row < rows_; ++row) store(first_row_ + row, shape_.stride[2] * row * columns_);
      return;
    }
    for (int64_t row = 0; row < rows_; ++row) {
      const int64_t iy = first_row_ + row;
      for (int64_t i = 0; i < lines_; ++i)
        begin_[i] = plan_.direct ? output_row(line_[i], iy) + shape_.stride[2] * first_column_ : scratch_ + i * plan_.line_pitch;
      make_columns(row, row * rounded_columns(), columns_);
      if (!plan_.direct) {
        store(iy, 0);
      } else if (activation_ != nullptr) {
        for (int64_t i = 0; i < lines_; ++i) activate(begin_[i], shape_.stride[2] * columns_);
      }
    }
  }

  // `columns` columns of all lines of the chunk, from row `row` of the item, or from copied block `block` on.
  void make_columns(int64_t row, int64_t block, int64_t columns) {
    fetch_row_ = fetch_ != nullptr ? fetch_ + row * shape_.in.row : nullptr;
    const float* const x = input_ + row * shape_.in.row;
    float* const copy = copies_ + block * plan_.block_pitch;
    if (copies_meanwhile_) return copy_and_call(x, copy, columns);
    if (!plan_.in_place) return call(copy, 0, columns);
    // Whole blocks, then a block or vectors that end with the last column, and may make some columns again.
    const int64_t whole = columns / block_ * block_;
    const int64_t rest = columns - whole;
    if (whole > 0) call(x, 0, whole);
    if (rest == 0) return;
    if (rest > lanes_ && whole == 0) call(x, 0, lanes_);
    const int64_t size = rest > lanes_ && whole > 0 ? block_ : lanes_;
    call(x + columns - size, columns - size, size);
  }

  // Whole blocks are copied by the kernel, where it has enough to do meanwhile.
  void copy_and_call(const float* x, float* copy, int64_t columns) {
    const bool enough = 2 * lines_ >= static_cast<int64_t>(kernels_.planar_rows) / shape_.stride[2];
    const int64_t whole = enough ? columns / block_ * block_ : 0;
    if (whole > 0) {
      periods_.channel_stride = shape_.in.channel;
      periods_.block_stride = block_;
      periods_.copy = copy;
      periods_.asks = plan_.asks;
      call(x, 0, whole);
      periods_.asks = true;
      periods_.channel_stride = block_;
      periods_.block_stride = plan_.block_pitch;
      periods_.copy = nullptr;
    }
    if (whole == columns) return;
    float* const last = copy + whole / block_ * plan_.block_pitch;
    for (int64_t c = 0; c < layer_.in_per_group; ++c) {
      kernels_.copy_blocks(x + c * shape_.in.channel + whole, static_cast<size_t>(columns - whole), last + c * block_,
                           plan_.block_pitch);
    }
    call(last, whole, columns - whole);
  }

  void call(const float* x, int64_t column, int64_t columns) {
    const int64_t run = static_cast<int64_t>(periods_.run);
    const int64_t at = run != 0 ? column / run * periods_.line_run : shape_.stride[2] * column;
    periods_.within = static_cast<size_t>(run != 0 ? column % run : 0);
    for (int64_t i = 0; i < lines_; ++i) to_[i] = begin_[i] + at;
    segment_.x = x;
    periods_.fetch = fetch_row_ != nullptr ? fetch_row_ + column : nullptr;
    periods_.count = static_cast<size_t>(columns);
    kernels_.periods(periods_);
  }

  int64_t output_z(const TileLine& line) const { return shape_.stride[0] * plane_ + line.tap[0] - shape_.pad[0]; }
  int64_t output_y(const TileLine& line, int64_t iy) const { return shape_.stride[1] * iy + line.tap[1] - shape_.pad[1]; }
  float* output_at(int64_t channel, int64_t z, int64_t y) const {
    const Pitch& p = shape_.out;
    return arguments_.output + image_ * p.batch + (group_ * layer_.out_per_group + channel) * p.channel + z * p.plane + y * p.row;
  }
  float* output_row(const TileLine& line, int64_t iy) const { return output_at(line.channel, output_z(line), output_y(line, iy)); }
  const float* residual_at(int64_t channel, int64_t z, int64_t y) const {
    const Pitch& p = shape_.residual;
    return arguments_.residual + image_ * p.batch + (group_ * layer_.out_per_group + channel) * p.channel + z * p.plane + y * p.row;
  }

  void activate(float* y, int64_t n) const {
    if (activation_ != nullptr) activation_(y, static_cast<size_t>(n), layer_.description.activation.alpha);
  }

  bool in_planes() const { return layer_.description.layout == Layout::nchw || shape_.out.pixel == 1; }

  // The lines of one row of the input, which lie in scratch from `at` on, to the output.
  void store(int64_t iy, int64_t at) {
    const int64_t origin = shape_.stride[2] * first_column_ - shape_.pad[2];
    const int64_t first = std::clamp<int64_t>(origin, 0, shape_.output[2]);
    const int64_t last = std::clamp<int64_t>(origin + shape_.stride[2] * columns_, first, shape_.output[2]);
    if (first == last) return;
    const int64_t n = last - first;
    at += first - origin;
    for (int64_t i = 0; i < lines_; ++i) {
      const int64_t z = output_z(line_[i]);
      const int64_t y = output_y(line_[i], iy);
      if (z < 0 || z >= shape_.output[0] || y < 0 || y >= shape_.output[1]) continue;
      float* const from = scratch_ + i * plan_.line_pitch + at;
      float* const to = in_planes() ? output_at(line_[i].channel, z, y) + first : from;
      if (arguments_.residual != nullptr) {
        add_residual(from, line_[i].channel, z, y, first, n, slopes_[i], to);
      } else if (to != from) {
        std::memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
      }
      activate(to, n);
      if (in_planes()) continue;
      // Channels of one row together; with a single channel that has gaps between its pixels, line by line.
      const bool one_row = plan_.blocks_of_channels != 0;
      if (one_row && i + 1 < lines_) continue;
      const int64_t begin = one_row ? 0 : i;
      kernels_.transpose(scratch_ + begin * plan_.line_pitch + at, plan_.line_pitch, static_cast<size_t>(i + 1 - begin),
                         static_cast<size_t>(n), output_at(line_[begin].channel, z, y) + first * shape_.out.pixel,
                         shape_.out.pixel);
    }
  }

  void add_residual(const float* x, int64_t channel, int64_t z, int64_t y, int64_t first, int64_t n, float slope, float* to) {
    const int64_t pixel = shape_.residual.pixel;
    const float* r = residual_at(channel, z, y) + first * pixel;
    if (pixel != 1) {
      float* const gathered = scratch_ + static_cast<int64_t>(kernels_.planar_rows) / shape_.stride[2] * plan_.line_pitch;
      for (int64_t i = 0; i < n; ++i) gathered[i] = r[i * pixel];
      r = gathered;
    }
    kernels_.row_residual(x, r, to, static_cast<size_t>(n), {0.0f, slope, fused_epilogue(layer_.description.activation)});
  }

  // f(bias + residual) from column `first` of an output row to its end.
  void fill(int64_t channel, int64_t z, int64_t y, int64_t first) {
    const size_t at = static_cast<size_t>(group_ * layer_.out_per_group + channel);
    const float slope = plan_.slopes.size() != 0 ? plan_.slopes[at] : 0.0f;
    const arch::RowEpilogue e{plan_.bias[at], slope, fused_epilogue(layer_.description.activation)};
    float* const row = output_at(channel, z, y);
    float value = 0;
    if (arguments_.residual == nullptr) {
      kernels_.row_epilogue(&value, 1, e);
      activate(&value, 1);
    }
    for (int64_t x = first; x < shape_.output[2]; ++x) {
      if (arguments_.residual != nullptr) {
        value = 0;
        kernels_.row_residual(&value, residual_at(channel, z, y) + x * shape_.residual.pixel, &value, 1, e);
        activate(&value, 1);
      }
      row[x * shape_.out.pixel] = value;
    }
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const TilesPlan& plan_;
  const TileShape& shape_;
  const RunArguments& arguments_;
  const int64_t lanes_;
  const int64_t block_;
  const arch::ActivationFunction activation_;
  float* copies_ = nullptr;
  float* scratch_ = nullptr;
  arch::PlanarSegment segment_{};
  arch::PlanarPeriods periods_{};

  // Of the item at hand.
  int64_t image_ = 0;
  int64_t group_ = 0;
  int64_t plane_ = 0;
  int64_t first_row_ = 0;
  int64_t rows_ = 0;
  int64_t first_column_ = 0;
  int64_t columns_ = 0;
  const float* input_ = nullptr;
  bool copies_meanwhile_ = false;
  const float* next_ = nullptr;       // the next item's input
  const float* fetch_ = nullptr;      // what is asked for while a chunk is made
  const float* fetch_row_ = nullptr;  // and a row of it
  // Of the lines at hand.
  int64_t lines_ = 0;
  TileLine line_[arch::KernelTable::max_planar_rows];
  float bias_[arch::KernelTable::max_planar_rows];
  float slopes_[arch::KernelTable::max_planar_rows];
  float* begin_[arch::KernelTable::max_planar_rows];
  float* to_[arch::KernelTable::max_planar_rows];
};

// Does the output reach beyond the tiles of all inputs?
bool has_rest(const TileShape& s) {
  for (int a = 0; a < max_rank; ++a) {
    if (s.output[a] > s.stride[a] * s.input[a] - s.pad[a]) return true;
  }
  return false;
}

}  // namespace

size_t tiles_workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const TilesPlan& plan) {
  return static_cast<size_t>(tiles_workspace(layer, kernels, plan).floats()) * sizeof(float);
}

void run_tiles(const Layer& layer, const arch::KernelTable& kernels, const TilesPlan& plan, const RunArguments& arguments) {
  const TilesTasks tasks(layer, plan, arguments.parallelism);
  const int64_t rest = has_rest(plan.shape) ? layer.description.batch * layer.description.groups : 0;
  const bool alone = arguments.parallelism.parallel_for == nullptr || arguments.parallelism.threads <= 1;
  run_tasks(arguments.parallelism, tasks.count() + rest, [&](int64_t index, size_t slot) {
    TilesTask task(layer, kernels, plan, arguments, slot);
    if (index < tasks.count()) {
      const TilesTasks::Item next = tasks[index + 1];
      return task.run(tasks[index], tasks.parts(), alone && index + 1 < tasks.count() ? &next : nullptr);
    }
    const int64_t i = index - tasks.count();
    task.fill_rest(i / layer.description.groups, i % layer.description.groups);
  });
}

}  // namespace tconv::planar
