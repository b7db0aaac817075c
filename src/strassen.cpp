#include "strassen.hpp"

#include <algorithm>

#include "checked.hpp"
#include "far_tensors.hpp"
#include "gemm_panels.hpp"
#include "streamed_output.hpp"
#include "weight_stream.hpp"

namespace tconv::strassen {
namespace {

// Below that it is not worth while.
constexpr size_t smallest_workspace = size_t{128} << 10;
// Longer sums might exceed the class `standard`.
constexpr int64_t most_channels = 8192;
// Of a half. More would leave less of L1 to a panel.
constexpr int64_t most_rows = 168;

int64_t panels_of(const Layer& layer, const Plan& plan) {
  return layer.axis(0).stride * layer.axis(1).stride * ceil_div(layer.axis(2).stride * layer.out_per_group, plan.width);
}

void shape_panels(const Layer& layer, const arch::KernelTable& kernels, Plan* plan) {
  plan->vectors = choose_panels(kernels, layer.axis(2).stride * layer.out_per_group, 48).vectors;
  plan->width = plan->vectors * static_cast<int64_t>(kernels.lanes);
  plan->half_k = layer.in_per_group / 2;
  // Rows at multiples of 1 KiB would fall into few sets of a cache.
  plan->pitch = (plan->half_k + line_floats - 1) / line_floats * line_floats;
  if (plan->pitch % 256 == 0) plan->pitch += line_floats;
}

// Are pixels neighbours, not too many of them in the same sets of L1?
void shape_input(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const Pitch& x = layer.geometry.input_pitch;
  const int64_t width = layer.axis(2).input, height = layer.axis(1).input;
  const int64_t tile_rows = static_cast<int64_t>(kernels.gemm_tile_rows[plan->vectors - 1]);
  const int64_t distance = x.pixel * static_cast<int64_t>(sizeof(float));
  plan->in_place = !layer.has_input_activation() && (height == 1 || x.row == width * x.pixel) &&
                   (layer.axis(0).input == 1 || x.plane == width * height * x.pixel) &&
                   tile_rows * std::min<int64_t>(distance & -distance, 4096) <= static_cast<int64_t>(options.cache.l1);
}

// Does a result go to the output as it is, or by way of scratch?
void shape_output(const Layer& layer, const Options& options, Plan* plan) {
  const Geometry& g = layer.geometry;
  const Description& d = layer.description;
  plan->direct = g.output_pitch.pixel == d.out_channels && (!d.residual || g.residual_pitch.pixel == d.out_channels);
  plan->uncovered = false;
  for (int a = 0; a < max_rank; ++a) {
    const Axis& axis = g.axis[a];
    const int64_t made = axis.stride * axis.input - axis.pad_begin;
    plan->uncovered |= made < g.output[a];
    plan->direct &= axis.pad_begin == 0 && made <= g.output[a];
  }
  const Pitch& c = g.output_pitch;
  plan->streams = plan->direct && !d.residual && worth_streaming(options.cache, g.output_elements) &&
                  arch::is_clamp(d.activation.kind) && c.pixel * g.axis[2].stride % line_floats == 0 && c.row % line_floats == 0 &&
                  c.plane % line_floats == 0 && c.batch % line_floats == 0 && plan->width % line_floats == 0;
}

// Blocks whose left factors fill half of L2, none much smaller than the others. False where the workspace may not be so large.
bool shape_blocks(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const int64_t tile = static_cast<int64_t>(kernels.gemm_tile_rows[plan->vectors - 1]);
  plan->image_rows = layer.axis(0).input * layer.axis(1).input * layer.axis(2).input;
  const int64_t row_bytes = products * plan->pitch * static_cast<int64_t>(sizeof(float));
  const int64_t halves = ceil_div(plan->image_rows, 2);
  int64_t room = std::clamp<int64_t>(static_cast<int64_t>(options.cache.l2 / 2) / row_bytes, tile, most_rows) / tile * tile;
  for (;; room -= tile) {
    if (room <= 0) return false;
    plan->half_rows = ceil_div(ceil_div(halves, ceil_div(halves, room)), tile) * tile;
    // With room for scratch rows, which a reshape may call for.
    const size_t scratch = plan->direct ? static_cast<size_t>(plan->half_rows * plan->width) * sizeof(float) : 0;
    if (workspace(layer, *plan).bytes() + scratch <= options.max_workspace_bytes) return true;
  }
}

double weight_bytes(const Layer& layer, const Plan& plan) {
  return static_cast<double>(ceil_div(panels_of(layer, plan), 2)) * static_cast<double>(plan.pair_weights()) * sizeof(float);
}

bool shape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  shape_panels(layer, kernels, plan);
  shape_input(layer, kernels, options, plan);
  shape_output(layer, options, plan);
  return shape_blocks(layer, kernels, options, plan) && weight_bytes(layer, *plan) <= static_cast<double>(options.max_packed_bytes);
}

}  // namespace

bool supports(const Layer& layer, const Options& options) {
  const Description& d = layer.description;
  if (options.winograd.accuracy != WinogradAccuracy::standard || !layer.finite_weights) return false;
  if (options.max_workspace_bytes < smallest_workspace) return false;
  if (d.layout != Layout::nhwc || d.groups != 1 || d.in_channels % 2 != 0 || d.in_channels > most_channels) return false;
  for (int a = 0; a < max_rank; ++a) {
    const Axis& axis = layer.axis(a);
    if (axis.kernel != axis.stride || (axis.dilation != 1 && axis.kernel != 1)) return false;
  }
  return true;  // whether a block fits the workspace, create() finds out
}

// The terms beside the products were fitted to 90 layers of 96 to 2048 input channels, 49 to 3136 pixels and 64 to 2048 columns,
// AVX2 and AVX-512, so that no layer is chosen that took over 3% longer than by window GEMM: 40 cycles a register tile, 200 a
// product.
double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  Plan plan;
  if (!shape(layer, kernels, options, &plan)) return 1e300;
  const int64_t panels = panels_of(layer, plan);
  const double made = static_cast<double>(panels / 2 * products + panels % 2 * (products - 3));  // products a block
  const int64_t tile = static_cast<int64_t>(kernels.gemm_tile_rows[plan.vectors - 1]);
  const auto block = [&](int64_t half) {
    return made * (static_cast<double>(plan.half_k) * strip_cycles(kernels, half, plan.vectors) +
                   40 * static_cast<double>(ceil_div(half, tile)) + 200);
  };
  const int64_t last_rows = plan.image_rows - (plan.blocks() - 1) * 2 * plan.half_rows;
  double cycles = static_cast<double>(plan.blocks() - 1) * block(plan.half_rows) + block(ceil_div(last_rows, 2));
  // A cache line of the input becomes a line of left factors, or seven quarters where it is copied, too. Each line of the output is
  // added up, a quarter of them by a pass of its own; where that is not the last pass, there are more.
  const double input_lines = static_cast<double>(plan.image_rows * layer.in_per_group) / line_floats;
  const double output_lines = static_cast<double>(plan.image_rows) * static_cast<double>(panels * plan.width) / line_floats;
  cycles +=
      (plan.in_place ? 12 : 18) * input_lines + (10 + (layer.description.residual ? 8 : 0) + (plan.direct ? 0 : 20)) * output_lines;
  cycles += 0.15 * static_cast<double>(plan.blocks()) * stream_cycles(options.cache, weight_bytes(layer, plan));
  return static_cast<double>(layer.description.batch) * cycles + waiting_cycles(layer, kernels, options.cache);
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan) {
  if (!shape(layer, kernels, options, plan)) {
    return Status::error(StatusCode::unsupported,
                         "algorithm = strassen: max_packed_bytes = %zu or max_workspace_bytes = %zu: too few",
                         options.max_packed_bytes, options.max_workspace_bytes);
  }
  plan->far_weights = weight_bytes(layer, *plan) > static_cast<double>(options.cache.l2) / 2;
  return pack(layer, kernels, weights, bias, plan);
}

Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  shape_input(layer, kernels, options, plan);
  shape_output(layer, options, plan);
  if (shape_blocks(layer, kernels, options, plan)) return {};
  return Status::error(StatusCode::unsupported, "algorithm = strassen: max_workspace_bytes = %zu: too few",
                       options.max_workspace_bytes);
}

size_t packed_bytes(const Plan& plan) {
  return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes() + plan.pixel_bias.bytes() + plan.pixel_slopes.bytes() +
         plan.panels.bytes();
}

}  // namespace tconv::strassen
