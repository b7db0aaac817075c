#include <algorithm>

#include "arch/cook_toom.hpp"
#include "checked.hpp"
#include "gemm_panels.hpp"
#include "winograd.hpp"

namespace tconv::winograd {
namespace {

bool place_weights(const Layer& layer, const arch::KernelTable& kernels, Plan* plan) {
  if (!cut_panels(layer, kernels, plan)) return false;
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const size_t panels = plan->panels.size();
  const int64_t points = plan->y.points * plan->x.points;
  if (!plan->weights_at.allocate(panels * static_cast<size_t>(points)) ||
      !plan->z_weights_at.allocate(layer.phases[0].live.size())) {
    return false;
  }

  // In the order in which run() reads them.
  int64_t at = 0;
  for (size_t group = 0; group < panels; group += static_cast<size_t>(plan->group_panels)) {
    const size_t end = std::min(panels, group + static_cast<size_t>(plan->group_panels));
    for (int64_t point = 0; point < points; ++point) {
      const int64_t py = point / plan->x.points;
      const int64_t px = point % plan->x.points;
      for (size_t p = group; p < end; ++p) {
        const Panel& panel = plan->panels[p];
        const PhaseDomain& y = plan->y.phase[static_cast<size_t>(panel.y)];
        const PhaseDomain& x = plan->x.phase[static_cast<size_t>(panel.x)];
        int64_t& own = plan->weights_at[p * static_cast<size_t>(points) + static_cast<size_t>(point)];
        if (py < y.first_point || py >= y.last_point || px < x.first_point || px >= x.last_point) {
          own = -1;
        } else if ((y.constant && py > y.first_point) || (x.constant && px > x.first_point)) {
          const int64_t same_y = y.constant ? y.first_point : py;
          const int64_t same_x = x.constant ? x.first_point : px;
          own = plan->weights_at[p * static_cast<size_t>(points) + static_cast<size_t>(same_y * plan->x.points + same_x)];
        } else {
          own = at;
          at += panel.vectors * lanes;
        }
      }
    }
  }
  plan->weight_columns = at;
  int64_t steps = 0;
  for (size_t z = 0; z < layer.phases[0].live.size(); ++z) {
    plan->z_weights_at[z] = steps * at;
    steps += layer.phases[0].live[z].taps * layer.in_per_group;
  }
  plan->group_weights = steps * at;
  return plan->weights.allocate(static_cast<size_t>(plan->group_weights * layer.description.groups));
}

// Weights of one (input channel, output channel) at all points: G_y w G_x^T, summed in double. For the x-phases of one panel.
class TransformedKernel {
 public:
  TransformedKernel(const Layer& layer, const Plan& plan, const LivePhase& z, const Panel& panel)
      : layer_(layer), plan_(plan), z_(z), y_(*layer.phases[1].find(panel.y)), x_(layer.phases[2].find(panel.x)) {
    fill(plan.y, plan.y.phase[static_cast<size_t>(panel.y)], y_.taps, gy_);
    fill(plan.x, plan.x.phase[static_cast<size_t>(panel.x)], x_->taps, gx_);
  }

  // `phase` is counted from the panel's first one.
  void transform(const float* weights, int64_t group, int64_t jz, int64_t ci, int64_t phase, int64_t co) {
    const LivePhase& x = x_[phase];
    for (int64_t py = 0; py < plan_.y.points; ++py) {
      for (int64_t px = 0; px < plan_.x.points; ++px) at_[py][px] = 0;
    }
    for (int64_t jy = 0; jy < y_.taps; ++jy) {
      double row[arch::max_points] = {};
      for (int64_t jx = 0; jx < x.taps; ++jx) {
        const int64_t tap[max_rank] = {z_.first_tap + jz * layer_.phases[0].tap_step, y_.first_tap + jy * layer_.phases[1].tap_step,
                                       x.first_tap + jx * layer_.phases[2].tap_step};
        const double w = static_cast<double>(weights[weight_index(layer_, group, ci, co, tap)]);
        for (int64_t px = 0; px < plan_.x.points; ++px) row[px] += gx_[px][jx] * w;
      }
      for (int64_t py = 0; py < plan_.y.points; ++py) {
        for (int64_t px = 0; px < plan_.x.points; ++px) at_[py][px] += gy_[py][jy] * row[px];
      }
    }
  }
  float at(int64_t point) const { return static_cast<float>(at_[point / plan_.x.points][point % plan_.x.points]); }

 private:
  using Factors = double[arch::max_points][arch::max_points];
  static void fill(const AxisDomain& domain, const PhaseDomain& phase, int64_t taps, Factors& factors) {
    for (int64_t point = 0; point < domain.points; ++point) {
      for (int64_t j = 0; j < taps; ++j) {
        factors[point][j] = domain.points == 1
                                ? 1.0
                                : arch::weight_transform(static_cast<int>(domain.points), static_cast<int>(domain.taps),
                                                         static_cast<int>(point), static_cast<int>(phase.last_tap - j));
      }
    }
  }

  const Layer& layer_;
  const Plan& plan_;
  const LivePhase& z_;
  const LivePhase& y_;
  const LivePhase* x_;  // neighbouring live phases are neighbours there
  Factors gy_ = {}, gx_ = {};
  double at_[arch::max_points][arch::max_points];
};

void pack_weights(const Layer& layer, const arch::KernelTable& kernels, const float* weights, Plan* plan) {
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t points = plan->y.points * plan->x.points;
  for (int64_t group = 0; group < layer.description.groups; ++group) {
    for (size_t zi = 0; zi < layer.phases[0].live.size(); ++zi) {
      const LivePhase& z = layer.phases[0].live[zi];
      const int64_t steps = z.taps * layer.in_per_group;
      float* const packed = plan->weights.data() + group * plan->group_weights + plan->z_weights_at[zi];
      for (size_t p = 0; p < plan->panels.size(); ++p) {
        const Panel& panel = plan->panels[p];
        if (!plan->live(panel)) continue;
        const int64_t* const at = plan->weights_at.data() + p * static_cast<size_t>(points);
        TransformedKernel kernel(layer, *plan, z, panel);
        for (int64_t step = 0; step < steps; ++step) {
          for (int64_t c = 0; c < panel.columns; ++c) {
            const int64_t column = panel.channel + c;
            kernel.transform(weights, group, step / layer.in_per_group, step % layer.in_per_group, column / layer.out_per_group,
                             column % layer.out_per_group);
            for (int64_t point = 0; point < points; ++point) {
              if (at[point] >= 0) packed[at[point] * steps + step * panel.vectors * lanes + c] = kernel.at(point);
            }
          }
        }
      }
    }
  }
}

bool pack_channels(const Layer& layer, const float* values, const Plan& plan, Buffer<float>* packed) {
  if (!packed->allocate(static_cast<size_t>(plan.bias_columns * layer.description.groups))) return false;
  if (values == nullptr) return true;
  for (int64_t group = 0; group < layer.description.groups; ++group) {
    for (int64_t c = 0; c < plan.bias_columns; ++c) {
      (*packed)[static_cast<size_t>(group * plan.bias_columns + c)] = values[group * layer.out_per_group + c % layer.out_per_group];
    }
  }
  return true;
}

}  // namespace

Status pack(const Layer& layer, const arch::KernelTable& kernels, const float* weights, const float* bias, Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  if (!place_weights(layer, kernels, plan)) return no_memory;
  pack_weights(layer, kernels, weights, plan);
  if (!pack_channels(layer, bias, *plan, &plan->bias)) return no_memory;
  if (layer.description.activation.kind == ActivationKind::prelu &&
      !pack_channels(layer, layer.description.activation.slopes, *plan, &plan->slopes)) {
    return no_memory;
  }
  return {};
}

}  // namespace tconv::winograd
