#include "planar_bands.hpp"

#include <algorithm>
#include <cstring>

#include "checked.hpp"
#include "input_rows.hpp"
#include "planar_products.hpp"
#include "tasks.hpp"

namespace tconv::planar {
namespace {

// Are image rows beside each other in memory?
bool follow_in_memory(const Layer& layer) {
  const Pitch& pitch = layer.geometry.input_pitch;
  return pitch.row == layer.axis(2).input * pitch.pixel;
}

class BandTask : ProductRows {
 public:
  BandTask(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : ProductRows(layer, kernels, plan, arguments, slot, plan.bands.margin), bands_(plan.bands) {}

  void run(const PeriodTask& task) {
    begin_task(task);
    strip_ = strip_at(layer_, plan_, 0);
    first_row_ = copied_end_ = std::clamp<int64_t>(plan_.first_input + task.first, 0, layer_.axis(1).input);
    const int64_t stride = layer_.axis(1).stride;
    for (first_ = task.first; first_ < task.last; first_ = last_) {
      last_ = std::min(task.last, first_ + bands_.periods);
      if (z_.phase != nullptr && !plan_.in_place) copy_inputs();
      const int64_t phases = std::min(stride, layer_.output(1) - first_ * stride);
      for (int64_t chunk = task.first_chunk; chunk < task.last_chunk; ++chunk) {
        choose_chunk(chunk);
        for (int64_t phase = 0; phase < phases; ++phase) phase_rows(phase);
      }
    }
  }

 private:
  float* plane(int64_t jz) const { return copies_ + (jz - first_z_tap_) * layer_.in_per_group * bands_.channel_pitch; }

  // Input (jz, iy, x = 0) of the first channel.
  const float* input_row(int64_t jz, int64_t iy) const {
    const Pitch& pitch = layer_.geometry.input_pitch;
    if (plan_.in_place) return input_ + z_.input(jz) * pitch.plane + iy * pitch.row;
    return plane(jz) + (iy - first_row_) * layer_.axis(2).input;
  }

  // Of the rows that are multiplied. Where copies are blocks, runs of rows begin with the first row that is kept.
  int64_t channel_stride() const {
    return plan_.in_place ? layer_.geometry.input_pitch.channel : bands_.blocks ? block_ : bands_.channel_pitch;
  }
  int64_t block_stride() const { return bands_.blocks ? layer_.in_per_group * block_ : block_; }

  // The input rows that the periods at hand meet. Rows that are no longer met make room when it is needed.
  void copy_inputs() {
    const int64_t height = layer_.axis(1).input;
    const int64_t first = std::clamp<int64_t>(plan_.first_input + first_, 0, height);
    const int64_t last = std::clamp<int64_t>(plan_.last_input + last_, first, height);
    if (bands_.blocks || last - first_row_ > bands_.rows) first_row_ = copied_end_ = first;
    copied_end_ = std::max(copied_end_, first);
    if (copied_end_ >= last) return;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      if (inside(0, z_.input(jz))) copy_rows(jz, last);
    }
    copied_end_ = last;
  }

  // The input rows [copied_end_, last).
  void copy_rows(int64_t jz, int64_t last) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const int64_t width = layer_.axis(2).input;
    const int64_t channels = layer_.in_per_group;
    const float* const from = input_ + z_.input(jz) * pitch.plane + copied_end_ * pitch.row;
    float* const to = plane(jz) + (copied_end_ - first_row_) * width;
    // Rows that follow each other in memory are one.
    const int64_t rows = last - copied_end_;
    const bool follow = follow_in_memory(layer_);
    const int64_t parts = follow ? 1 : rows;
    const size_t size = static_cast<size_t>(follow ? rows * width : width);
    if (layer_.description.layout == Layout::nhwc) {
      for (int64_t i = 0; i < parts; ++i) {
        kernels_.pixel_planes(from + i * pitch.row, pitch.pixel, size, static_cast<size_t>(channels), to + i * width,
                              block_stride(), channel_stride());
      }
    } else {
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t i = 0; i < parts; ++i)
          std::memcpy(to + c * bands_.channel_pitch + i * width, from + c * pitch.channel + i * pitch.row, size * sizeof(float));
      }
    }
    if (bands_.blocks)
      return activate_input(layer_, kernels_, to, static_cast<size_t>(ceil_div(rows * width, block_) * block_ * channels));
    for (int64_t c = 0; layer_.has_input_activation() && c < channels; ++c)
      activate_input(layer_, kernels_, to + c * bands_.channel_pitch, static_cast<size_t>(rows * width));
  }

  // The rows of a y-phase (counted from output 0) in the periods at hand: those that meet the same taps together.
  void phase_rows(int64_t phase) {
    const int64_t stride = layer_.axis(1).stride;
    oy_ = first_ * stride + phase;
    int64_t left = std::min(last_ - first_, ceil_div(layer_.output(1) - oy_, stride));
    y_ = outer_taps(layer_, 1, oy_);
    live_ = z_.phase != nullptr && y_.phase != nullptr;
    for (int64_t rows; left > 0; left -= rows) {
      rows = rows_alike(left);
      if (live_) multiply(rows);
      finish(rows);
      y_.first_input += rows;
      oy_ += rows * stride;
    }
  }

  // How many rows from the one at hand on meet the same taps.
  int64_t rows_alike(int64_t rows) const {
    const int64_t height = layer_.axis(1).input;
    for (int64_t j = 0; live_ && j < y_.taps; ++j) {
      const int64_t iy = y_.input(j);
      if (iy < height) rows = std::min(rows, iy < 0 ? -iy : height - iy);
    }
    return rows;
  }

  // T of one chunk of channels: some columns for all its blocks of rows, then the next. In place, where no vector may reach beyond
  // the input, the last block reaches back.
  void multiply(int64_t rows) {
    const int64_t columns = rows * layer_.axis(2).input;
    const int64_t whole = plan_.in_place ? columns / block_ * block_ : columns;
    for (int64_t first = 0; first < whole; first += plan_.pass) multiply_columns(first, std::min(whole, first + plan_.pass));
    const int64_t rest = columns - whole;
    if (rest > 0) multiply_columns(columns - (rest <= lanes() ? lanes() : block_), columns);
  }

  int64_t lanes() const { return static_cast<int64_t>(kernels_.lanes); }

  void multiply_columns(int64_t first, int64_t last) {
    const float* weights = chunk_weights();
    plan_.row_blocks.each(channels_ * layer_.axis(2).kernel, [&](int64_t begin, int64_t size) {
      arch::PlanarTile tile{};
      tile.segment = segment_;
      tile.segments = list_segments(size, weights, [&](int64_t jz, int64_t iy) {
        return input_row(jz, iy) + first / block_ * block_stride() + first % block_;
      });
      tile.channels = static_cast<size_t>(layer_.in_per_group);
      tile.channel_stride = channel_stride();
      tile.block_stride = block_stride();
      tile.t = t_ + begin * plan_.t_pitch + bands_.margin + first;
      tile.t_stride = plan_.t_pitch;
      tile.count = static_cast<size_t>(last - first);
      kernels_.planar[size - 1](tile);
      weights += z_.taps * y_.taps * layer_.in_per_group * size;
    });
  }

  void finish(int64_t rows) {
    const int64_t channel = task_.group * layer_.out_per_group + first_channel_;
    const int64_t stride = layer_.axis(1).stride;
    const int64_t width = layer_.axis(2).input;
    const Pitch& pitch = layer_.geometry.output_pitch;
    if (layer_.description.residual) {
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t c = 0; c < channels_; ++c) {
          finisher_.finish(
              strip_, task_.image, channel, c, task_.plane, oy_ + row * stride,
              [&](int64_t phase, arch::OverlapTerm* term, size_t at) { return append_terms(c, row * width, phase, term, at); });
        }
        finisher_.store_pixels(strip_, task_.image, channel, channels_, task_.plane, oy_ + row * stride);
      }
      return;
    }
    const bool in_place = finisher_.in_place();
    const int64_t n = layer_.output(2);
    for (int64_t c = 0; c < channels_; ++c) {
      finisher_.finish_rows(
          strip_,
          in_place ? finisher_.output_row(task_.image, channel + c, task_.plane, oy_) : finisher_.rows() + c * bands_.periods * n,
          channel + c, rows, width, in_place ? neighbour_distance(rows, stride, pitch.row) : n,
          [&](int64_t phase, arch::OverlapTerm* term, size_t at) { return append_terms(c, 0, phase, term, at); });
    }
    if (in_place) return;
    // Rows of pixels that follow each other are one.
    const bool follow = stride == 1 && pitch.row == n * pitch.pixel;
    for (int64_t row = 0; row < (follow ? 1 : rows); ++row) {
      kernels_.transpose(finisher_.rows() + row * n, bands_.periods * n, static_cast<size_t>(channels_),
                         static_cast<size_t>(follow ? rows * n : n),
                         finisher_.output_row(task_.image, channel, task_.plane, oy_ + row * stride), pitch.pixel);
    }
  }

  const Bands& bands_;
  int64_t first_ = 0;  // the periods at hand
  int64_t last_ = 0;
  int64_t first_row_ = 0;  // the first input row that is kept
};

// Cycles, measured:
constexpr double of_row = 150;           // an output row made alone,
constexpr double of_call = 60;           // each kernel called for it,
constexpr double of_channel = 40;        // and each channel finished
constexpr double of_end = 12;            // the ends of an output row of a band, for each row of T
constexpr double of_scratch = 0.7;       // an output that is made in scratch, of which a band takes more
constexpr double copied = 0.15;          // a number of an input row
constexpr double copied_from_far = 0.5;  // where inputs may lie beyond L2
constexpr double least_gain = 0.05;      // for which bands are made

}  // namespace

Bands choose_bands(const Layer& layer, const arch::KernelTable& kernels, const Options& options, int64_t chunk_channels,
                   bool in_place) {
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t block = lanes * static_cast<int64_t>(kernels.planar_vectors);
  const int64_t floats_of_l1 = static_cast<int64_t>(options.cache.l1 / sizeof(float));
  const int64_t floats_of_l2 = static_cast<int64_t>(options.cache.l2 / sizeof(float));
  const int64_t periods = ceil_div(g.output[1], g.axis[1].stride);
  if (periods < 2 || x.stride > arch::KernelTable::max_overlap_phases || x.input > floats_of_l1) return {};

  // Taps reach beyond an image row by so much.
  const int64_t smallest = floor_div(-x.pad_begin, x.stride);
  const int64_t largest = floor_div(x.dilation * (x.kernel - 1) - x.pad_begin, x.stride);
  Bands b;
  b.margin = std::max<int64_t>({0, largest, ceil_div(g.output[2], x.stride) - smallest - x.input});
  if (b.margin > x.input) return {};
  b.margin = ceil_div(b.margin, lanes) * lanes;

  // T stays in half of L1. Copies stay in half of L1, too, if these are rows enough, else in a quarter of L2: rows that two bands
  // meet are copied twice.
  const InputRows met = input_rows(layer);
  const int64_t more = met.last - met.first;
  const int64_t planes = layer.in_per_group * std::min(g.axis[0].input, layer.phases[0].most_taps());
  const int64_t channels = std::min(chunk_channels, layer.out_per_group);
  const int64_t t_rows = channels * x.kernel;
  const int64_t floats = planes * x.input;  // of an input row
  const int64_t kept = std::min(std::max(floats_of_l1 / 2 / floats, 8 * (more + 1)), floats_of_l2 / 4 / floats);
  const int64_t most = std::min({periods, floats_of_l1 / 2 / (t_rows * x.input), in_place ? periods : kept - more});
  if (most < 2) return {};
  b.periods = ceil_div(periods, ceil_div(periods, most));
  b.rows = std::min(g.axis[1].input, kept);
  b.blocks = layer.description.layout == Layout::nhwc && more == 0 && follow_in_memory(layer);
  // Channels an odd number of cache lines apart, so that they use all sets.
  b.channel_pitch = ceil_div(ceil_div(b.rows * x.input + block, 16), 2) * 32 + 16;

  // Cycles of an output row of one chunk.
  const RowBlocks blocks(kernels);
  const double steps = static_cast<double>(g.axis[0].kernel * g.axis[1].kernel * layer.in_per_group) /
                       static_cast<double>(g.axis[0].stride * g.axis[1].stride);
  const int64_t rest = x.input % block;
  const double alone = steps * (static_cast<double>(x.input / block + (rest > lanes ? 1 : 0)) * blocks.cycles(t_rows) +
                                (rest > 0 && rest <= lanes ? blocks.cycles_of_vector(t_rows) : 0));
  const double together = steps * static_cast<double>(x.input) / static_cast<double>(block) * blocks.cycles(t_rows);
  const double calls = of_row + of_call * static_cast<double>(blocks.count(t_rows)) + of_channel * static_cast<double>(channels);
  const double fewer_calls = calls * (1 - 1 / static_cast<double>(b.periods));
  const double scratch = rows_in_place(layer) ? 0 : of_scratch * static_cast<double>(channels * g.output[2]);
  const double ends = of_end * static_cast<double>(t_rows) + scratch;
  // Planes are copied at more expense than blocks of single rows, and those are fetched meanwhile where they may lie beyond L2.
  const bool far = static_cast<double>(g.input_span) * sizeof(float) > static_cast<double>(options.cache.l2 / 2);
  const double of_number = far ? copied_from_far : copied;
  const double copies = in_place || b.blocks ? 0 : of_number * static_cast<double>(floats) / static_cast<double>(g.axis[1].stride);
  if (alone + fewer_calls < together + ends + copies + least_gain * alone) return {};
  b.row_cycles = calls - fewer_calls + ends + copies;
  return b;
}

bool bands_in_place(const Layer& layer, const arch::KernelTable& kernels) {
  // One image row at least is a block of columns, which may reach back.
  return layer.axis(2).input >= static_cast<int64_t>(kernels.planar_vectors * kernels.lanes) && follow_in_memory(layer);
}

void run_bands(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const PeriodTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { BandTask(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::planar
