#include <algorithm>

#include "checked.hpp"
#include "winograd.hpp"

namespace tconv::winograd {
namespace {

constexpr int64_t farthest_reach = 256;  // inputs

int64_t ceil_shift(const Axis& axis, int64_t phase) { return ceil_div(axis.pad_begin - phase, axis.stride); }

}  // namespace

bool domain_exists(const Layer& layer, int a, Grid grid) {
  const AxisPhases& phases = layer.phases[a];
  // Tiles lie between each other where neighbouring taps do not meet neighbouring inputs: phases whose taps reach far apart would
  // have most tiles there.
  for (const LivePhase& phase : phases.live) {
    if (phase.input_offset > farthest_reach) return false;
    if (phase.taps > 1 && phases.input_step > farthest_reach / (phase.taps - 1)) return false;
  }
  return grid == Grid::inputs || (phases.input_step == 1 && phases.most_taps() > 1);
}

int64_t domain_taps(const Layer& layer, int a, Grid grid) {
  const AxisPhases& phases = layer.phases[a];
  if (grid == Grid::inputs) return phases.most_taps();
  int64_t highest = INT64_MIN;
  int64_t lowest = INT64_MAX;
  for (const LivePhase& phase : phases.live) {
    const int64_t first = ceil_shift(layer.axis(a), phase.index) - phase.input_offset;
    highest = std::max(highest, first);
    lowest = std::min(lowest, first - phase.taps + 1);
  }
  return highest - lowest + 1;
}

bool build_domain(const Layer& layer, int a, Grid grid, int64_t outputs, AxisDomain* domain) {
  const AxisPhases& phases = layer.phases[a];
  domain->taps = domain_taps(layer, a, grid);
  domain->outputs = domain->taps > 1 ? outputs : 1;
  domain->points = domain->outputs + domain->taps - 1;
  domain->step = phases.input_step;
  domain->products = 0;
  if (!domain->phase.allocate(static_cast<size_t>(phases.stride))) return false;
  int64_t highest = INT64_MIN;
  int64_t offset = phases.live[0].input_offset;  // a dead phase goes by the one before it
  for (int64_t r = 0; r < phases.stride; ++r) {
    const LivePhase* const phase = phases.find(r);
    if (phase != nullptr) offset = phase->input_offset;
    PhaseDomain& p = domain->phase[static_cast<size_t>(r)];
    p.shift = grid == Grid::inputs ? offset : ceil_shift(layer.axis(a), r);
    if (phase != nullptr) highest = std::max(highest, p.shift - offset);
  }
  domain->lowest = highest - (domain->taps - 1) * domain->step;
  for (const LivePhase& phase : phases.live) {
    PhaseDomain& p = domain->phase[static_cast<size_t>(phase.index)];
    p.last_tap = (p.shift - phase.input_offset - domain->lowest) / domain->step;
    const int64_t first_tap = p.last_tap - (phase.taps - 1);
    const bool filtered = domain->taps > 1;
    p.first_point = filtered && first_tap > 0 ? 1 : 0;
    p.last_point = domain->points - (filtered && p.last_tap < domain->taps - 1 ? 1 : 0);
    p.constant = filtered && p.last_tap == 0;
    domain->products += p.points();
  }
  return true;
}

void place_domain(const Layer& layer, int a, AxisDomain* domain) {
  const Axis& axis = layer.axis(a);
  domain->begin = INT64_MAX;
  int64_t end = INT64_MIN;
  for (size_t i = 0; i < domain->phase.size(); ++i) {
    const int64_t r = static_cast<int64_t>(i);
    PhaseDomain& p = domain->phase[i];
    p.begin = ceil_shift(axis, r) - p.shift;
    p.end = std::max(p.begin, floor_div(layer.output(a) - 1 + axis.pad_begin - r, axis.stride) + 1 - p.shift);
    p.output = axis.stride * p.shift + r - axis.pad_begin;
    if (p.begin == p.end) continue;
    domain->begin = std::min(domain->begin, p.begin);
    end = std::max(end, p.end);
  }
  const int64_t count = end - domain->begin;
  domain->residues = std::min(domain->step, count);
  domain->tiles = ceil_div(ceil_div(count, domain->step), domain->outputs);
}

}  // namespace tconv::winograd
