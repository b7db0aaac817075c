#include "small_image.hpp"

#include <algorithm>

#include "checked.hpp"
#include "far_tensors.hpp"
#include "gemm_panels.hpp"
#include "weight_stream.hpp"

namespace tconv::small_image {
namespace {

// Cycles of one tap: `rows` pixels times a panel and `steps` input channels, done in `parts` parts. For each part a tile is called,
// and its sums are loaded and stored: `sum_cycles` a vector.
double tap_cycles(const arch::KernelTable& kernels, int64_t rows, int64_t vectors, int64_t steps, int64_t parts,
                  double sum_cycles) {
  const int64_t tiles = ceil_div(rows, static_cast<int64_t>(kernels.pixel_tile_rows[vectors - 1]));
  const double tile_rows = static_cast<double>(rows) / static_cast<double>(tiles);
  const double sums = tile_rows * static_cast<double>(vectors) * sum_cycles;
  return static_cast<double>(tiles) * (static_cast<double>(steps) * tile_cycles(tile_rows, static_cast<double>(vectors)) +
                                       static_cast<double>(parts) * (sums + 20));
}

// Inputs of axis a that tap t joins with an output, over all of the axis.
int64_t inputs_met(const Layer& layer, int a, int64_t t) {
  const Axis& axis = layer.axis(a);
  const int64_t shift = axis.dilation * t - axis.pad_begin;
  const int64_t first = std::max<int64_t>(0, ceil_div(-shift, axis.stride));
  const int64_t last = std::min(axis.input - 1, floor_div(layer.output(a) - 1 - shift, axis.stride));
  return std::max<int64_t>(0, last - first + 1);
}

// f(pixels of the whole layer, taps) for sets of taps that meet equally many pixels along each axis: first to last runs.
template <typename Function>
void for_each_run_of_taps(const Layer& layer, int a, int64_t pixels, int64_t taps, const Function& f) {
  if (a == max_rank) return f(pixels, taps);
  for (int64_t t = 0; t < layer.axis(a).kernel;) {
    const int64_t met = inputs_met(layer, a, t);
    int64_t next = t + 1;
    while (next < layer.axis(a).kernel && inputs_met(layer, a, next) == met) ++next;
    if (met != 0) for_each_run_of_taps(layer, a + 1, pixels * met, taps * (next - t), f);
    t = next;
  }
}

// Input channels of a part: its pixels and twice its weights (those at work, those being fetched) stay in L1 beside the sums.
int64_t part_channels(const Layer& layer, const arch::KernelTable& kernels, const Options& options, int64_t vectors) {
  const int64_t pixels = std::min<int64_t>(32, layer.description.batch * layer.axis(0).input * layer.axis(1).input *
                                                   layer.axis(2).input);  // the packed layout is kept, whatever comes later
  const int64_t bytes = (pixels + 2 * vectors * static_cast<int64_t>(kernels.lanes)) * static_cast<int64_t>(sizeof(float));
  const int64_t longest = std::max<int64_t>(64, static_cast<int64_t>(options.cache.l1) * 3 / 4 / bytes);
  const int64_t parts = ceil_div(layer.in_per_group, longest);
  return std::min(layer.in_per_group, ceil_div(ceil_div(layer.in_per_group, parts), 4) * 4);
}

Panels panels_of(const Layer& layer, const arch::KernelTable& kernels, int64_t vectors) {
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t count = ceil_div(layer.out_per_group, vectors * lanes);
  return {vectors, count, ceil_div(layer.out_per_group - (count - 1) * vectors * lanes, lanes)};
}

// Inputs of axis a that `extent` neighbouring outputs can read, at most.
int64_t inputs_read(const Layer& layer, int a, int64_t extent) {
  const Axis& axis = layer.axis(a);
  const Checked reach = Checked(axis.dilation) * (axis.kernel - 1) + (extent - 1);
  return reach.overflowed() ? axis.input : std::min(axis.input, reach.value() / axis.stride + 1);
}

int64_t at_most_max(const Checked& value) { return value.overflowed() ? INT64_MAX : value.value(); }

Blocks blocks_of(const Layer& layer, int64_t images, const int64_t extent[max_rank]) {
  Blocks b;
  b.images = images;
  b.count[max_rank] = ceil_div(layer.description.batch, images);
  b.input_pixels = images;
  b.output_pixels = images;
  Checked pairs = images;
  for (int a = 0; a < max_rank; ++a) {
    const Axis& axis = layer.axis(a);
    b.extent[a] = extent[a];
    b.count[a] = ceil_div(layer.output(a), extent[a]);
    b.input_pixels *= inputs_read(layer, a, extent[a]);
    b.output_pixels *= extent[a];
    // An output meets each tap of its phase, and a tap meets an input for each stride-th output.
    const int64_t by_output = at_most_max(Checked(extent[a]) * layer.phases[a].most_taps());
    const int64_t by_tap = at_most_max(Checked(axis.kernel) * std::min(axis.input, ceil_div(extent[a], axis.stride)));
    b.taps[a] = std::min(axis.kernel, by_output);
    pairs = pairs * std::min(by_tap, by_output);
  }
  b.pairs = at_most_max(pairs);
  return b;
}

// Blocks of at most about L2, as large as that allows: images are divided first, then planes, rows, pixels.
Blocks choose_blocks(const Layer& layer, const Options& options, int64_t columns) {
  int64_t images = layer.description.batch;
  int64_t extent[max_rank] = {layer.output(0), layer.output(1), layer.output(2)};
  const auto too_large = [&](const Blocks& b) {
    const Checked bytes =
        (Checked(b.input_pixels) * layer.in_per_group + Checked(b.output_pixels) * columns) * static_cast<int64_t>(sizeof(float)) +
        Checked(b.pairs) * static_cast<int64_t>(sizeof(arch::PixelPair));
    return bytes.overflowed() || bytes.value() > static_cast<int64_t>(options.cache.l2) * 3 / 4;
  };
  for (;;) {
    const Blocks blocks = blocks_of(layer, images, extent);
    if (!too_large(blocks)) return blocks;
    int64_t* const sizes[] = {&images, &extent[0], &extent[1], &extent[2]};
    int64_t* largest = nullptr;
    for (int64_t* size : sizes) {
      if (largest == nullptr && *size > 1) largest = size;
    }
    if (largest == nullptr) return blocks;
    *largest = ceil_div(*largest, 2);
  }
}

// How a layer would be done, and what that costs.
struct Choice {
  Panels panels;
  int64_t k_block = 0;
  Blocks blocks;
  double cycles = 0;  // of one group's products with all weights at hand
};

Choice choose(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  Choice best;
  for (int64_t vectors = 1; vectors <= static_cast<int64_t>(arch::KernelTable::max_vectors); ++vectors) {
    if (kernels.pixels[vectors - 1] == nullptr) continue;
    Choice c;
    c.panels = panels_of(layer, kernels, vectors);
    c.k_block = part_channels(layer, kernels, options, vectors);
    const int64_t columns = vectors * static_cast<int64_t>(kernels.lanes);
    c.blocks = choose_blocks(layer, options, columns);
    const int64_t parts = ceil_div(layer.in_per_group, c.k_block);
    const int64_t floats = c.blocks.output_pixels * columns + c.blocks.input_pixels * c.k_block;
    const double sum_cycles =
        floats * static_cast<int64_t>(sizeof(float)) <= static_cast<int64_t>(options.cache.l1) * 3 / 4 ? 2 : 4;
    for_each_run_of_taps(layer, 0, layer.description.batch, 1, [&](int64_t pixels, int64_t taps) {
      const double panel = tap_cycles(kernels, pixels, c.panels.vectors, layer.in_per_group, parts, sum_cycles);
      const double last = tap_cycles(kernels, pixels, c.panels.last_vectors, layer.in_per_group, parts, sum_cycles);
      c.cycles += static_cast<double>(taps) * (static_cast<double>(c.panels.count - 1) * panel + last);
    });
    if (best.k_block == 0 || c.cycles < best.cycles * 0.99) best = c;
  }
  return best;
}

void pack_weights(const Layer& layer, const arch::KernelTable& kernels, const float* weights, Plan* plan) {
  const Geometry& g = layer.geometry;
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  float* packed = plan->weights.data();
  for (int64_t group = 0; group < layer.description.groups; ++group) {
    for (int64_t panel = 0; panel < plan->panels.count; ++panel) {
      const int64_t first = panel * plan->panels.vectors * lanes;
      const int64_t width = plan->panels.vectors_of(panel) * lanes;
      const int64_t columns = std::min(width, layer.out_per_group - first);
      for (int64_t begin = 0; begin < layer.in_per_group; begin += plan->k_block) {
        const int64_t end = std::min(layer.in_per_group, begin + plan->k_block);
        for (int64_t tap = 0; tap < g.taps; ++tap) {
          for (int64_t ci = begin; ci < end; ++ci, packed += width) {
            const int64_t channel = (group * layer.in_per_group + ci) * layer.out_per_group + first;
            for (int64_t c = 0; c < columns; ++c) packed[c] = weights[(channel + c) * g.taps + tap];
          }
        }
      }
    }
  }
}

// values[out_channels] spread over the panels' columns.
void pack_columns(const Layer& layer, const float* values, int64_t padded, float* packed) {
  for (int64_t group = 0; group < layer.description.groups; ++group) {
    std::copy_n(values + group * layer.out_per_group, layer.out_per_group, packed + group * padded);
  }
}

}  // namespace

bool supports(const Layer&, const Options&) { return true; }

double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  const Choice choice = choose(layer, kernels, options);
  const double groups = static_cast<double>(layer.description.groups);
  const double products = groups * choice.cycles;
  const double panel_floats = static_cast<double>(choice.panels.padded_vectors() * static_cast<int64_t>(kernels.lanes));
  const double weight_bytes = groups * panel_floats * static_cast<double>(layer.in_per_group) *
                              static_cast<double>(layer.geometry.taps) * static_cast<double>(sizeof(float));
  const double stream = static_cast<double>(choice.blocks.all()) * stream_cycles(options.cache, weight_bytes);
  // Inputs are copied (one a cycle where they are transposed), sums are cleared, finished, and stored (or transposed).
  const bool planar = layer.description.layout == Layout::nchw;
  const double lanes = static_cast<double>(kernels.lanes);
  const double input = static_cast<double>(layer.geometry.input_elements) * (planar ? 1.0 : 2.0 / lanes);
  const double output = static_cast<double>(layer.geometry.output_elements) * (planar ? 4.0 / lanes + 1.0 : 9.0 / lanes);
  // Pixels of groups lie apart: each is a call of its own. In planes few channels are transposed one by one.
  const double pixels = static_cast<double>(layer.geometry.output_elements) / static_cast<double>(layer.out_per_group);
  const double pixel = !planar ? 7 : layer.out_per_group < 4 ? 6.0 * static_cast<double>(layer.out_per_group) : 3;
  const double groups_apart = groups == 1 ? 0 : pixel * pixels;
  constexpr double set_up = 1500;
  return std::max(products, stream) + input + output + groups_apart + waiting_cycles(layer, kernels, options.cache) + set_up;
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  const Choice choice = choose(layer, kernels, options);
  plan->panels = choice.panels;
  plan->k_block = choice.k_block;
  const int64_t padded = plan->panels.padded_vectors() * static_cast<int64_t>(kernels.lanes);
  const Checked columns = Checked(padded) * layer.description.groups;
  const Checked floats = columns * layer.in_per_group * layer.geometry.taps;
  if (floats.overflowed() || !plan->weights.allocate(static_cast<size_t>(floats.value())) ||
      !plan->bias.allocate(static_cast<size_t>(columns.value()))) {
    return no_memory;
  }
  pack_weights(layer, kernels, weights, plan);
  if (bias != nullptr) pack_columns(layer, bias, padded, plan->bias.data());
  if (layer.description.activation.kind == ActivationKind::prelu) {
    if (!plan->slopes.allocate(static_cast<size_t>(columns.value()))) return no_memory;
    pack_columns(layer, layer.description.activation.slopes, padded, plan->slopes.data());
  }
  return reshape(layer, kernels, options, plan);
}

Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  plan->blocks = choose_blocks(layer, options, plan->panels.vectors * static_cast<int64_t>(kernels.lanes));
  return {};
}

size_t packed_bytes(const Plan& plan) { return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes(); }

}  // namespace tconv::small_image
