// Taps of an outer axis (z or y) for the outputs of one phase.
#pragma once

#include "layer.hpp"

namespace tconv {

struct OuterTaps {
  const LivePhase* phase = nullptr;  // nullptr: dead
  int64_t number = 0;                // among the live phases
  int64_t taps = 0;
  int64_t first_input = 0;  // input position of tap 0; tap j lies j * step before it
  int64_t step = 1;

  // Input position of tap j of the row-th output of the phase after this one.
  int64_t input(int64_t j, int64_t row = 0) const { return first_input + row - j * step; }
};

// For output position `output` of axis a (the next outputs of the same phase are a stride apart).
inline OuterTaps outer_taps(const Layer& layer, int a, int64_t output) {
  const Axis& axis = layer.axis(a);
  const AxisPhases& phases = layer.phases[a];
  const int64_t shifted = output + axis.pad_begin;
  const LivePhase* const phase = phases.find(shifted % axis.stride);
  if (phase == nullptr) return {};
  return {phase, phase - phases.live.begin(), phase->taps, shifted / axis.stride - phase->input_offset, phases.input_step};
}

}  // namespace tconv
