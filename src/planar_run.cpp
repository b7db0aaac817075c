#include <algorithm>
#include <cstring>

#include "planar_bands.hpp"
#include "planar_fused.hpp"
#include "planar_products.hpp"
#include "planar_sums.hpp"
#include "tasks.hpp"

namespace tconv::planar {
namespace {

// Output rows by way of T.
class ProductTask : ProductRows {
 public:
  ProductTask(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : ProductRows(layer, kernels, plan, arguments, slot, plan.largest_shift) {}

  void run(const PeriodTask& task) {
    each_row(
        task, [this] { clear_margins(); }, [this](int64_t period) { fetch_ = row_to_fetch(period); }, [this] { output_row(); });
  }

 private:
  void output_row() {
    for (int64_t chunk = task_.first_chunk; chunk < task_.last_chunk; ++chunk) {
      choose_chunk(chunk);
      const int64_t channel = task_.group * layer_.out_per_group + first_channel_;
      if (live_) {
        multiply();
        fetch_ = nullptr;
      }
      for (int64_t c = 0; c < channels_; ++c) {
        finisher_.finish(strip_, task_.image, channel, c, task_.plane, oy_,
                         [&](int64_t phase, arch::OverlapTerm* term, size_t at) { return append_terms(c, 0, phase, term, at); });
      }
      finisher_.store_pixels(strip_, task_.image, channel, channels_, task_.plane, oy_);
    }
  }

  // T is written for the columns [x_begin, x_end); the taps reach beyond, where it is zero.
  void clear_margins() {
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const bool none = strip_.x_begin == strip_.x_end;  // the strip lies beyond the reach of all taps
    const int64_t first = none ? plan_.t_pitch : strip_.x_begin - strip_.window;
    const int64_t last = none ? plan_.t_pitch : first + ceil_div(strip_.x_end - strip_.x_begin, lanes) * lanes;
    for (int64_t row = 0; row < plan_.chunk_channels * layer_.axis(2).kernel; ++row) {
      float* const t = t_ + row * plan_.t_pitch;
      std::memset(t, 0, static_cast<size_t>(first) * sizeof(float));
      std::memset(t + last, 0, static_cast<size_t>(plan_.t_pitch - last) * sizeof(float));
    }
  }

  // The row that period `period` + 1 is the first to meet, or will copy, if it may lie beyond L2: it is asked for while the first
  // output row of `period` is made.
  const float* row_to_fetch(int64_t period) const {
    if (!plan_.fetches || z_.phase == nullptr) return nullptr;
    const int64_t iy = plan_.last_input + period + plan_.ahead;
    const int64_t iz = z_.input(first_z_tap_);
    if (iy < 0 || iy >= layer_.axis(1).input || !inside(0, iz)) return nullptr;
    const Pitch& pitch = layer_.geometry.input_pitch;
    return input_ + iz * pitch.plane + iy * pitch.row + strip_.x_begin * pitch.pixel;
  }

  // T of one chunk of channels: some columns for all its blocks of rows, then the next.
  void multiply() {
    const int64_t in_place = columns_in_place();
    const int64_t columns = strip_.x_end - strip_.x_begin;
    for (int64_t first = 0; first < in_place; first += plan_.pass)
      multiply_columns(first, std::min(in_place, first + plan_.pass), true);
    for (int64_t first = in_place; first < columns; first += plan_.pass)
      multiply_columns(first, std::min(columns, first + plan_.pass), false);
  }

  void multiply_columns(int64_t first, int64_t last, bool in_place) {
    const int64_t steps = z_.taps * y_.taps * layer_.in_per_group;
    const float* weights = chunk_weights();
    const int64_t t_rows = channels_ * layer_.axis(2).kernel;
    plan_.row_blocks.each(t_rows, [&](int64_t begin, int64_t size) {
      arch::PlanarTile tile{};
      tile.segment = segment_;
      tile.segments =
          in_place ? list_rows_in_place(size, weights, first) : list_copies(size, weights, (first - columns_in_place()) / block_);
      tile.channels = static_cast<size_t>(layer_.in_per_group);
      tile.channel_stride = in_place ? layer_.geometry.input_pitch.channel : block_;
      tile.block_stride = in_place ? block_ : layer_.in_per_group * block_;
      tile.t = t_ + begin * plan_.t_pitch + strip_.x_begin - strip_.window + first;
      tile.t_stride = plan_.t_pitch;
      tile.count = static_cast<size_t>(last - first);
      if (fetch_ != nullptr && begin == 0) {
        const Pitch& pitch = layer_.geometry.input_pitch;
        const bool nchw = layer_.description.layout == Layout::nchw;
        tile.fetch = fetch_ + first * pitch.pixel;
        tile.fetch_channel = nchw ? pitch.channel : block_;
        tile.fetch_block = block_ * pitch.pixel;
      }
      kernels_.planar[size - 1](tile);
      weights += steps * size;
    });
  }

  const float* fetch_ = nullptr;  // a row of the input that comes next
};

}  // namespace

size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  if (plan.tiled) return tiles_workspace_bytes(layer, kernels, plan.tiles);
  if (plan.summed) return sums_workspace_bytes(layer, plan);
  if (plan.direct) return direct_workspace_bytes(layer, kernels, plan);
  return ceil_div(static_cast<int64_t>(row_workspace(layer, kernels, plan).bytes()), 64) * 64;
}

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  if (plan.tiled) return run_tiles(layer, kernels, plan.tiles, arguments);
  if (plan.summed) return run_sums(layer, kernels, plan, arguments);
  if (plan.direct) return run_direct(layer, kernels, plan, arguments);
  if (plan.fused) return run_fused(layer, kernels, plan, arguments);
  if (plan.bands.periods != 0) return run_bands(layer, kernels, plan, arguments);
  const PeriodTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { ProductTask(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::planar
