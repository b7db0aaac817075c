#include <algorithm>

#include "winograd.hpp"

namespace tconv::winograd {
namespace {

constexpr int64_t usual_rows = 48;  // tiles of a block

// Neighbouring phases whose taps meet the window at the same places: dead ones go by each other.
bool alike(const Layer& layer, const AxisDomain& x, int64_t a, int64_t b) {
  const LivePhase* const first = layer.phases[2].find(a);
  const LivePhase* const second = layer.phases[2].find(b);
  if ((first == nullptr) != (second == nullptr)) return false;
  if (first != nullptr && (first->taps != second->taps || first->input_offset != second->input_offset)) return false;
  return x.phase[static_cast<size_t>(a)].shift == x.phase[static_cast<size_t>(b)].shift;
}

}  // namespace

bool pixels_join(const Layer& layer) {
  if (stores_planes(layer)) return true;  // in the strip
  const Geometry& g = layer.geometry;
  return g.output_pitch.pixel == layer.out_per_group &&
         (!layer.description.residual || g.residual_pitch.pixel == layer.out_per_group);
}

bool find_runs(const Layer& layer, const arch::KernelTable& kernels, Plan* plan) {
  const int64_t phases = static_cast<int64_t>(plan->x.phase.size());
  if (!plan->runs.allocate(static_cast<size_t>(phases))) return false;
  size_t n = 0;
  for (int64_t first = 0; first < phases; ++n) {
    PhaseRun& run = plan->runs[n];
    run = {first, 1, {}};
    while (first + run.count < phases && alike(layer, plan->x, first, first + run.count)) ++run.count;
    run.widths = choose_panels(kernels, run.count * layer.out_per_group, usual_rows);
    first += run.count;
  }
  plan->runs.shrink(n);
  plan->phase_widths = choose_panels(kernels, layer.out_per_group, usual_rows);
  return true;
}

bool choose_panels_of_runs(const Layer& layer, const arch::KernelTable& kernels, bool merged, Plan* plan) {
  const bool planes = stores_planes(layer);
  // A strip has the channels of one panel.
  plan->passes = planes ? plan->phase_widths.count : 1;
  if (merged && (plan->runs.size() == plan->x.phase.size() || !pixels_join(layer) || plan->passes > 1)) return false;
  plan->merged = merged;
  plan->columns = 0;
  plan->row_panels = 0;
  for (const PhaseRun& run : plan->runs) {
    plan->columns = std::max(plan->columns, plan->widths(run).vectors * static_cast<int64_t>(kernels.lanes));
    plan->row_panels += plan->cuts(run) * plan->widths(run).count;
  }
  plan->unit_panels = planes ? plan->row_panels / plan->passes : 1;
  return true;
}

bool cut_panels(const Layer& layer, const arch::KernelTable& kernels, Plan* plan) {
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t y_phases = static_cast<int64_t>(plan->y.phase.size());
  if (!plan->panels.allocate(static_cast<size_t>(plan->row_panels * y_phases))) return false;
  size_t i = 0;
  // The panels of `columns` columns that begin with phase x, those of a pass.
  const auto cut = [&](int64_t pass, int64_t y, int64_t x, int64_t columns, const PanelWidths& widths) {
    const int64_t end = widths.count * (pass + 1) / plan->passes;
    for (int64_t k = widths.count * pass / plan->passes; k < end; ++k) {
      const int64_t first = k * widths.vectors * lanes;
      const int64_t vectors = k + 1 == widths.count ? widths.last_vectors : widths.vectors;
      plan->panels[i++] = {y, x + first / layer.out_per_group, first % layer.out_per_group,
                           std::min(vectors * lanes, columns - first), vectors};
    }
  };
  for (int64_t pass = 0; pass < plan->passes; ++pass) {
    for (int64_t y = 0; y < y_phases; ++y) {
      for (const PhaseRun& run : plan->runs) {
        const int64_t phases = run.count / plan->cuts(run);
        for (int64_t x = run.first; x < run.first + run.count; x += phases) {
          cut(pass, y, x, phases * layer.out_per_group, plan->widths(run));
        }
      }
    }
  }
  plan->bias_columns = layer.out_per_group + plan->columns;
  return true;
}

}  // namespace tconv::winograd
