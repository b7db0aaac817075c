#include "phases.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "checked.hpp"

namespace tconv {

const LivePhase* AxisPhases::find(int64_t index) const {
  size_t low = 0;
  size_t high = live.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (live[middle].index < index) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low != live.size() && live[low].index == index ? &live[low] : nullptr;
}

int64_t AxisPhases::most_taps() const {
  int64_t taps = 0;
  for (const LivePhase& phase : live) taps = std::max(taps, phase.taps);
  return taps;
}

bool build_phases(const Axis& axis, AxisPhases* phases) {
  const int64_t g = std::gcd(axis.dilation, axis.stride);
  phases->stride = axis.stride;
  phases->tap_step = axis.stride / g;
  phases->input_step = axis.dilation / g;
  // The first tap of a live phase is below tap_step; each such tap belongs to a different phase.
  const int64_t count = std::min(axis.kernel, phases->tap_step);
  if (!phases->live.allocate(static_cast<size_t>(count))) return false;
  for (int64_t t = 0; t < count; ++t) {
    const int64_t distance = axis.dilation * t;
    phases->live[static_cast<size_t>(t)] = {distance % axis.stride, (axis.kernel - 1 - t) / phases->tap_step + 1, t,
                                            distance / axis.stride};
  }
  std::qsort(phases->live.data(), phases->live.size(), sizeof(LivePhase), [](const void* a, const void* b) {
    const int64_t left = static_cast<const LivePhase*>(a)->index;
    const int64_t right = static_cast<const LivePhase*>(b)->index;
    return (left > right) - (left < right);
  });
  return true;
}

bool group_phases(const AxisPhases& phases, int64_t split, int64_t max_count, Buffer<PhaseGroup>* groups) {
  if (!groups->allocate(2 * phases.live.size() + 2)) return false;
  size_t n = 0;
  int64_t next = 0;  // the first phase not yet in a group
  for (const LivePhase& phase : phases.live) {
    if (phase.index > next) (*groups)[n++] = {next, phase.index - next, 0, 0};
    PhaseGroup* const last = n != 0 ? &(*groups)[n - 1] : nullptr;
    if (last != nullptr && last->taps == phase.taps && last->input_offset == phase.input_offset && phase.index != split &&
        last->first + last->count == phase.index && last->count < max_count) {
      ++last->count;
    } else {
      (*groups)[n++] = {phase.index, 1, phase.taps, phase.input_offset};
    }
    next = phase.index + 1;
  }
  if (next < phases.stride) (*groups)[n++] = {next, phases.stride - next, 0, 0};
  groups->shrink(n);
  return true;
}

OutputPhase output_phase(const Axis& axis, int64_t output, int64_t i) {
  const int64_t shifted = i + axis.pad_begin;
  return {shifted % axis.stride, i, (output - i - 1) / axis.stride + 1, shifted / axis.stride};
}

}  // namespace tconv
