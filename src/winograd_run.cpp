#include <algorithm>
#include <cstring>

#include "digits.hpp"
#include "streamed_output.hpp"
#include "tasks.hpp"
#include "winograd_task.hpp"

namespace tconv::winograd {
namespace {

// Cuts the layer into blocks; for several threads into smaller ones, and then each block's panels. No result depends on the cuts.
class Blocks {
 public:
  Blocks(const Layer& layer, const Plan& plan, const Parallelism& parallelism)
      : layer_(layer), plan_(plan), block_lines_(plan.block_lines), block_columns_(plan.block_columns) {
    units_ = static_cast<int64_t>(plan.panels.size()) / plan.unit_panels;
    // More blocks than threads even out when these end; but each reads all weights, which takes time where they are far. Each part
    // of the panels transforms the input anew: no more of them than there are threads.
    const int64_t threads = std::max<int64_t>(1, static_cast<int64_t>(parallelism.threads));
    const int64_t wanted = threads == 1 || plan.far_weights ? threads : 4 * threads;
    constexpr int64_t few_tiles = 16;  // fewer would waste the weights' way from the cache
    while (blocks() < wanted && block_lines_ * block_columns_ > few_tiles) {
      int64_t& longer = block_lines_ > 1 ? block_lines_ : block_columns_;
      longer = ceil_div(longer, 2);
    }
    while (blocks() * parts_ < threads && parts_ < units_) parts_ = std::min(units_, 2 * parts_);
    count_ = blocks() * parts_;
  }
  int64_t count() const { return count_; }

  Block operator[](int64_t index) const {
    Digits digits(index);
    Block block{};
    const int64_t part = digits.next(parts_);
    const auto panel = [this](int64_t number) {
      return std::min(plan_.panels.size(), static_cast<size_t>(units_ * number / parts_ * plan_.unit_panels));
    };
    block.first_panel = panel(part);
    block.last_panel = panel(part + 1);
    block.first_column = digits.next(strips()) * block_columns_;
    block.columns = std::min(block_columns_, plan_.x.tiles - block.first_column);
    block.first_line = digits.next(line_blocks()) * block_lines_;
    block.lines = std::min(block_lines_, plan_.lines - block.first_line);
    block.plane = digits.next(layer_.output(0));
    block.group = digits.rest();
    return block;
  }

 private:
  int64_t strips() const { return ceil_div(plan_.x.tiles, block_columns_); }
  int64_t line_blocks() const { return ceil_div(plan_.lines, block_lines_); }
  int64_t blocks() const { return layer_.description.groups * layer_.output(0) * line_blocks() * strips(); }

  const Layer& layer_;
  const Plan& plan_;
  int64_t block_lines_, block_columns_;
  int64_t units_;  // of panels that are stored together
  int64_t parts_ = 1;
  int64_t count_ = 0;
};

// A point's place in a panel's part of M: [y point][x point][tile][column], without the points that are dropped.
int64_t place_of(const BlockTask& t, const Panel& panel, int64_t point) {
  const PhaseDomain& y = t.y_of(panel);
  const PhaseDomain& x = t.x_of(panel);
  const int64_t py = point / t.plan.x.points - y.first_point;
  const int64_t px = point % t.plan.x.points - x.first_point;
  return (py * x.points() + px) * t.w.m_point;
}

// M of the panels [first, last).
void multiply(const BlockTask& t, size_t first, size_t last) {
  const int64_t points = t.plan.y.points * t.plan.x.points;
  const int64_t lanes = static_cast<int64_t>(t.kernels.lanes);
  const int64_t steps = t.z.taps * t.layer.in_per_group;
  const float* const weights = t.plan.weights.data() + t.block.group * t.plan.group_weights +
                               (t.z.phase != nullptr ? t.plan.z_weights_at[static_cast<size_t>(t.z.number)] : int64_t{0});
  arch::GemmSegment segment{nullptr, static_cast<size_t>((t.last_z - t.first_z) * t.layer.in_per_group),
                            static_cast<size_t>(t.first_z * t.layer.in_per_group)};
  // Sums may be short, and clearing a strip anew for each of them took up to a tenth of the time (AVX-512).
  arch::GemmStrip strip{};
  strip.segment = &segment;
  strip.segments = segment.k != 0 ? 1 : 0;
  strip.a_stride = t.w.pitch;
  strip.rows = static_cast<size_t>(t.block.tiles());
  strip.bias = t.zeros;
  for (int64_t point = 0; point < points; ++point) {
    segment.a = t.v + point * t.w.point_pitch + t.first_z * t.layer.in_per_group;
    for (size_t p = first; p < last; ++p) {
      const int64_t at = t.plan.weights_at[p * static_cast<size_t>(points) + static_cast<size_t>(point)];
      if (at < 0) continue;
      const Panel& panel = t.plan.panels[p];
      strip.b = weights + at * steps;
      strip.c = t.m + static_cast<int64_t>(p - first) * t.w.panel_pitch + place_of(t, panel, point);
      strip.c_stride = t.padded(panel);
      strip.columns = static_cast<size_t>(panel.vectors * lanes);
      // The panel that is multiplied next lies behind this one.
      if (t.plan.far_weights) {
        strip.next = strip.b + steps * t.padded(panel);
        strip.next_lines = static_cast<size_t>(steps * t.padded(panel) / line_floats);
      }
      t.kernels.gemm[panel.vectors - 1](strip);
    }
  }
}

}  // namespace

BlockTask::BlockTask(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments,
                     size_t slot)
    : layer(layer),
      kernels(kernels),
      plan(plan),
      arguments(arguments),
      w(workspace(layer, plan, plan.block_lines, plan.block_columns)),
      planes(layer.description.layout == Layout::nchw),
      planes_stored(stores_planes(layer)) {
  float* at = reinterpret_cast<float*>(arguments.workspace + slot * workspace_bytes(layer, kernels, plan));
  const auto take = [&at](int64_t floats) {
    float* const taken = at;
    at += floats;
    return taken;
  };
  v = take(w.v);
  m = take(w.m);
  source = take(w.source);
  rows = take(w.rows);
  inner = take(w.inner);
  outputs = take(w.outputs);
  zeros = take(w.zeros);
  std::memset(zeros, 0, static_cast<size_t>(w.zeros) * sizeof(float));
}

void BlockTask::take(const Block& next) {
  block = next;
  z = outer_taps(layer, 0, block.plane);
  first_z = 0;
  last_z = 0;
  for (int64_t j = 0; j < z.taps; ++j) {  // those that meet the image are neighbours
    const int64_t at = z.input(j);
    if (at < 0 || at >= layer.axis(0).input) continue;
    if (last_z == 0) first_z = j;
    last_z = j + 1;
  }
}

Line BlockTask::line(int64_t i) const {
  Digits digits(block.first_line + i);
  const int64_t x_residue = digits.next(plan.x.residues);
  const int64_t tile = digits.next(plan.y.tiles);
  const int64_t y_residue = digits.next(plan.y.residues);
  return {digits.rest(), plan.y.begin + y_residue + plan.y.step * plan.y.outputs * tile,
          plan.x.begin + x_residue + plan.x.step * plan.x.outputs * block.first_column};
}

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const Blocks blocks(layer, plan, arguments.parallelism);
  run_tasks(arguments.parallelism, blocks.count(), [&](int64_t index, size_t slot) {
    BlockTask task(layer, kernels, plan, arguments, slot);
    task.take(blocks[index]);
    transform_input(task);
    const Block& block = task.block;
    for (size_t p = block.first_panel; p < block.last_panel; p += static_cast<size_t>(plan.group_panels)) {
      const size_t end = std::min(block.last_panel, p + static_cast<size_t>(plan.group_panels));
      multiply(task, p, end);
      store_outputs(task, p, end);
    }
    if (plan.streams) fence_streamed_stores();
  });
}

}  // namespace tconv::winograd
