#include "strassen.hpp"

#include <algorithm>

#include "checked.hpp"

namespace tconv::strassen {
namespace {

// Weights of a panel for one input channel, in double; zeros beyond its columns, or without a panel.
void load_weights(const Layer& layer, const Panel* panel, int64_t ci, int64_t width, const float* weights, double* to) {
  const int64_t columns = panel != nullptr ? panel->columns : 0;
  for (int64_t c = 0; c < columns; ++c) {
    const int64_t column = panel->first_column + c;
    const int64_t tap[max_rank] = {panel->z, panel->y, column / layer.out_per_group};
    to[c] = static_cast<double>(weights[weight_index(layer, 0, ci, column % layer.out_per_group, tap)]);
  }
  std::fill(to + columns, to + width, 0.0);
}

// The right factors of a pair of panels: sums in double, rounded once.
void pack_pair(const Layer& layer, const Plan& plan, const Panel* left, const Panel* right, const float* weights, float* packed) {
  constexpr int64_t most_width = 64;  // 4 vectors of 16
  const int64_t product = plan.half_k * plan.width;
  double b11[most_width], b12[most_width], b21[most_width], b22[most_width];
  for (int64_t k = 0; k < plan.half_k; ++k) {
    load_weights(layer, left, k, plan.width, weights, b11);
    load_weights(layer, right, k, plan.width, weights, b12);
    load_weights(layer, left, plan.half_k + k, plan.width, weights, b21);
    load_weights(layer, right, plan.half_k + k, plan.width, weights, b22);
    for (int64_t c = 0; c < plan.width; ++c) {
      const double t1 = b12[c] - b11[c];
      const double t2 = b22[c] - t1;
      const double factor[products] = {b11[c], b21[c], t2, t1, b22[c], b22[c] - b12[c], b21[c] - t2};
      for (int64_t p = 0; p < products; ++p) packed[p * product + k * plan.width + c] = static_cast<float>(factor[p]);
    }
  }
}

// values[out_channels] (or nullptr: zeros) spread over the panels' columns, and as they are.
bool pack_columns(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const float* values,
                  Buffer<float>* panels, Buffer<float>* pixel) {
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  if (!panels->allocate((plan.panels.size() + 1) * static_cast<size_t>(plan.width)) ||
      !pixel->allocate(static_cast<size_t>(ceil_div(layer.out_per_group, lanes) * lanes)))
    return false;
  if (values == nullptr) return true;
  std::copy(values, values + layer.out_per_group, pixel->data());
  for (size_t i = 0; i < plan.panels.size(); ++i) {
    const Panel& panel = plan.panels[i];
    float* const to = panels->data() + i * static_cast<size_t>(plan.width);
    for (int64_t c = 0; c < panel.columns; ++c) to[c] = values[(panel.first_column + c) % layer.out_per_group];
  }
  return true;
}

}  // namespace

Status pack(const Layer& layer, const arch::KernelTable& kernels, const float* weights, const float* bias, Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  const int64_t row_columns = layer.axis(2).stride * layer.out_per_group;
  const int64_t row_panels = ceil_div(row_columns, plan->width);
  if (!plan->panels.allocate(static_cast<size_t>(layer.axis(0).stride * layer.axis(1).stride * row_panels))) return no_memory;
  size_t i = 0;
  for (int64_t z = 0; z < layer.axis(0).stride; ++z) {
    for (int64_t y = 0; y < layer.axis(1).stride; ++y) {
      for (int64_t first = 0; first < row_columns; first += plan->width) {
        plan->panels[i++] = {z, y, first, std::min(plan->width, row_columns - first)};
      }
    }
  }
  const Activation& activation = layer.description.activation;
  if (!pack_columns(layer, kernels, *plan, bias, &plan->bias, &plan->pixel_bias) ||
      (activation.kind == ActivationKind::prelu &&
       !pack_columns(layer, kernels, *plan, activation.slopes, &plan->slopes, &plan->pixel_slopes)) ||
      !plan->weights.allocate(static_cast<size_t>(plan->pairs() * plan->pair_weights()))) {
    return no_memory;
  }
  for (int64_t pair = 0; pair < plan->pairs(); ++pair) {
    const size_t left = static_cast<size_t>(2 * pair);
    const Panel* const right = left + 1 < plan->panels.size() ? &plan->panels[left + 1] : nullptr;
    pack_pair(layer, *plan, &plan->panels[left], right, weights, plan->weights.data() + pair * plan->pair_weights());
  }
  return {};
}

}  // namespace tconv::strassen
