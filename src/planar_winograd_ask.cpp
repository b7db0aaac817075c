// Which rows of the next tile the products of this one ask for.
#include <algorithm>

#include "planar_winograd_strip.hpp"

namespace tconv::planar_winograd {
namespace {

constexpr int64_t line_floats = 16;

// Products of a tile; but for the first of each point, which asks for the columns that it reads, where there are others.
int64_t count_products(const Layer& layer, const Plan& plan, bool all) {
  int64_t products = 0;
  for (int64_t first = 0; first < layer.axis(1).stride; first += plan.chunk.phases) {
    const int64_t last = std::min(layer.axis(1).stride, first + plan.chunk.phases);
    for (int64_t point = 0; point < plan.y.points; ++point) {
      const int64_t active = active_phases(plan, first, last, point);
      const int64_t blocks = plan.row_blocks.count(active * plan.chunk.channels * layer.axis(2).kernel);
      products += all || blocks <= 1 ? blocks : blocks - 1;
    }
  }
  return products * ceil_div(layer.out_per_group, plan.chunk.channels);
}

}  // namespace

void place_asking(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const Geometry& g = layer.geometry;
  const int64_t m = plan->y.outputs;
  const int64_t z_taps = layer.phases[0].most_taps();
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  // The workspace takes its share of L2.
  plan->far = static_cast<double>(g.input_span) * sizeof(float) > static_cast<double>(options.cache.l2 / 2);
  plan->asking = {};
  if (!plan->far) return;
  Asking asking;
  int64_t run = block;  // channels times this many floats lie in order, in the rows that a piece is part of
  int64_t runs = m;     // of a plane of the input
  if (layer.description.layout == Layout::nhwc) {
    if (g.input_pitch.pixel != layer.in_per_group) return;
  } else {
    const int64_t columns = g.axis[2].input;
    const int64_t blocks = ceil_div(columns, block);
    const bool dense = plan->y.step == 1 && columns <= plan->strip + plan->reach && g.input_pitch.row == columns;
    if (!dense || blocks > layer.in_per_group) return;
    asking.groups = ceil_div(layer.in_per_group, blocks);
    run = ceil_div(m * columns, layer.in_per_group);
    runs = asking.groups;
  }
  asking.parts = ceil_div(run, line_floats);
  const int64_t fewest = runs * asking.parts * z_taps;
  asking.all = fewest > count_products(layer, *plan, false);
  const int64_t products = count_products(layer, *plan, asking.all);
  if (fewest > products) return;
  while (2 * asking.parts * runs * z_taps <= products && run > 2 * asking.parts) asking.parts *= 2;
  asking.step = ceil_div(run, asking.parts);
  asking.pieces = runs * asking.parts;
  plan->asking = asking;
}

void ask_for_rows(const Strip& s, int64_t piece, arch::PlanarTile* product) {
  const Asking& asking = s.plan.asking;
  const Pitch& pitch = s.layer.geometry.input_pitch;
  const int64_t jz = piece / asking.pieces;
  const int64_t part = piece % asking.parts;
  const int64_t group = piece / asking.parts % asking.groups;
  const int64_t row = piece % asking.pieces / asking.parts / asking.groups;  // planes: the first
  const int64_t iy = s.input_row(s.plan.y.points + row);
  if (!s.inside(0, s.z.input(jz)) || !s.inside(1, iy)) return;
  const int64_t blocks = ceil_div(s.columns(), s.block);
  product->fetch = s.input_at(jz, iy) + part * asking.step * s.layer.in_per_group;
  product->fetch_channel = asking.step;
  product->fetch_block = s.block * pitch.pixel;
  if (s.layer.description.layout == Layout::nchw) {
    product->fetch += std::min(group * blocks, s.layer.in_per_group - blocks) * pitch.channel;
    product->fetch_block = pitch.channel;
  }
}

}  // namespace tconv::planar_winograd
