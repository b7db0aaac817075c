#include "depthwise.hpp"

#include <algorithm>
#include <cstring>

#include "checked.hpp"

namespace tconv::depthwise {
namespace {

// [channel][n] as [vector of channels][n][lane]
void pack(const float* from, int64_t channels, int64_t n, int64_t lanes, float* to) {
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < n; ++i) to[(c / lanes * n + i) * lanes + c % lanes] = from[c * n + i];
  }
}

// The x-phases in the order of the outputs.
bool place_phases(const Layer& layer, Plan* plan) {
  const Axis& x = layer.axis(2);
  const int64_t phases = std::min(x.stride, layer.output(2));
  if (!plan->phases.allocate(static_cast<size_t>(phases))) return false;
  for (int64_t i = 0; i < phases; ++i) {
    const OutputPhase outputs = output_phase(x, layer.output(2), i);
    const LivePhase* const phase = layer.phases[2].find(outputs.index);
    if (phase == nullptr) continue;
    plan->phases[static_cast<size_t>(i)] = {static_cast<size_t>(phase->taps), static_cast<size_t>(phase->first_tap),
                                            static_cast<ptrdiff_t>(outputs.q - phase->input_offset)};
  }
  return true;
}

}  // namespace

bool supports(const Layer& layer, const Options&) {
  return layer.description.layout == Layout::nhwc && layer.in_per_group == 1 && layer.out_per_group == 1 &&
         !layer.has_input_activation();
}

double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options&) {
  // A load a multiply-add, and what a store and the loop around it cost.
  return (static_cast<double>(layer.geometry.multiplications) / 2 + 3 * static_cast<double>(layer.geometry.output_elements)) /
         static_cast<double>(kernels.lanes);
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t channels = layer.description.out_channels;
  const int64_t padded = ceil_div(channels, lanes) * lanes;
  const Checked weight_count = Checked(padded) * layer.geometry.taps;
  if (weight_count.overflowed() || !plan->weights.allocate(static_cast<size_t>(weight_count.value())) ||
      !plan->bias.allocate(static_cast<size_t>(padded)))
    return no_memory;
  pack(weights, channels, layer.geometry.taps, lanes, plan->weights.data());
  if (bias != nullptr) std::memcpy(plan->bias.data(), bias, static_cast<size_t>(channels) * sizeof(float));
  if (layer.description.activation.kind == ActivationKind::prelu) {
    if (!plan->slopes.allocate(static_cast<size_t>(padded))) return no_memory;
    std::memcpy(plan->slopes.data(), layer.description.activation.slopes, static_cast<size_t>(channels) * sizeof(float));
  }
  plan->chunks = ceil_div(channels, chunk_channels);
  return reshape(layer, kernels, options, plan);
}

Status reshape(const Layer& layer, const arch::KernelTable&, const Options&, Plan* plan) {
  if (!place_phases(layer, plan)) return Status::error(StatusCode::out_of_memory, "output: no memory for the list of its phases");
  plan->taps = layer.phases[0].most_taps() * layer.phases[1].most_taps();
  return {};
}

size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan& plan) {
  const size_t taps = plan.taps > Plan::stack_taps ? static_cast<size_t>(plan.taps) * sizeof(arch::DepthwiseTap) : 0;
  return (taps + 63) / 64 * 64;
}

size_t packed_bytes(const Plan& plan) { return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes(); }

}  // namespace tconv::depthwise
