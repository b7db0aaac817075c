// The live phases of an axis, sorted, and their grouping into runs that read the same input window.
//
// All of this depends on kernel, stride and dilation alone, so packed weights survive any reshape.
#pragma once

#include "buffer.hpp"
#include "tconv/geometry.hpp"

namespace tconv {

struct LivePhase {
  int64_t index;
  int64_t taps;  // >= 1
  int64_t first_tap;
  int64_t input_offset;
};

// Outputs of the phases [first, first + count): for taps > 0 all read x[q - input_offset - j * input_step], j < taps.
// taps = 0: dead phases, whose outputs hold the bias alone.
struct PhaseGroup {
  int64_t first;
  int64_t count;
  int64_t taps;
  int64_t input_offset;
};

struct AxisPhases {
  int64_t stride = 1;
  int64_t tap_step = 1;
  int64_t input_step = 1;
  Buffer<LivePhase> live;  // ascending index

  // nullptr for a dead phase.
  const LivePhase* find(int64_t index) const;
  bool all_live() const { return static_cast<int64_t>(live.size()) == stride; }
  // Of all phases.
  int64_t most_taps() const;
};

// False when out of memory.
[[nodiscard]] bool build_phases(const Axis& axis, AxisPhases* phases);

// Runs of consecutive phases with the same taps and input offset, and the dead ranges between them, in ascending order. A run never
// crosses `split` (0 <= split < stride) and holds at most `max_count` phases (dead ranges are not limited).
[[nodiscard]] bool group_phases(const AxisPhases& phases, int64_t split, int64_t max_count, Buffer<PhaseGroup>* groups);

// The phases that have outputs, numbered by their first one: number i in [0, min(s, output)) has the outputs i, i + s, i + 2 s, ...
struct OutputPhase {
  int64_t index;  // (i + p) mod s
  int64_t first;  // i
  int64_t count;  // outputs of this phase
  int64_t q;      // q of the first of them; the next ones follow
};
OutputPhase output_phase(const Axis& axis, int64_t output, int64_t i);

}  // namespace tconv
