// Taps that reach beyond the image along x: zeros, or left out.
//
// Left out, the rows of A that meet all taps are fewer (13 inputs of two taps: 12 rows, two tiles of 6, instead of 14, three
// tiles), and no input is copied; but each column of the output at a border is a strip of its own, from row to row.
#include <algorithm>

#include "checked.hpp"
#include "gemm_panels.hpp"
#include "window_gemm.hpp"

namespace tconv::window_gemm {
namespace {

// Few columns of many are at the borders, and little is to be gained.
constexpr int64_t most_columns = 64;

// Cycles:
constexpr double tile_ends = 40;    // beginning and end of a register tile
constexpr double strip_ends = 200;  // and of a strip
constexpr double copied_row = 60;   // a row with zeros beside it
constexpr double unsure = 0.96;     // what is gained by less than this may be lost elsewhere

struct Rows {
  double inside = 0;   // of a y-phase, that meet all taps: they go by together
  double borders = 0;  // one by one
};

Rows rows_of_phase(const Layer& layer) {
  const Axis& y = layer.axis(1);
  Rows rows;
  for (const LivePhase& phase : layer.phases[1].live) {
    const Phase range = phase_of(y, phase.index);
    const int64_t first = std::max(range.q_begin, phase.input_offset + (phase.taps - 1) * layer.phases[1].input_step);
    const int64_t inside = std::max<int64_t>(0, std::min(range.q_end, y.input + phase.input_offset) - first);
    rows.inside += static_cast<double>(inside);
    rows.borders += static_cast<double>(std::max<int64_t>(0, range.q_end - range.q_begin) - inside);
  }
  const double phases = static_cast<double>(layer.phases[1].live.size());
  return {rows.inside / phases, rows.borders / phases};
}

}  // namespace

bool clips_columns(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  const Axis& x = layer.axis(2);
  if (x.input > most_columns || layer.phases[1].live.size() == 0) return false;
  const Rows rows = rows_of_phase(layer);
  const int64_t inside_rows = static_cast<int64_t>(rows.inside);
  const double all_rows = rows.inside + rows.borders;
  const double steps = static_cast<double>(layer.axis(1).kernel) * static_cast<double>(layer.in_per_group) /
                       static_cast<double>(layer.phases[1].live.size());
  double padded = all_rows * (copied_row + static_cast<double>(x.input * layer.in_per_group) / static_cast<double>(kernels.lanes));
  double clipped = 0;
  for (const ColumnBlock& block : plan.blocks) {
    const int64_t taps = block.group.taps;
    if (taps == 0) continue;
    const PanelWidths panels{block.vectors, block.panels, block.last_vectors, 0};
    const auto cycles = [&](int64_t count, int64_t met) {
      if (count <= 0) return 0.0;
      const int64_t tiles = ceil_div(count, static_cast<int64_t>(kernels.gemm_tile_rows[block.vectors - 1])) * block.panels;
      return panels_cycles(kernels, panels, count) * steps * static_cast<double>(met) + tile_ends * static_cast<double>(tiles);
    };
    const int64_t begin = phase_of(x, block.group.first + block.group.count - 1).q_begin;
    const int64_t end = phase_of(x, block.group.first).q_end;
    if (end - begin > 2 * most_columns) return false;
    int64_t whole = 0;  // windows that meet all taps
    for (int64_t q = begin; q < end; ++q) {
      const int64_t last = q - block.group.input_offset;
      const int64_t met = std::max<int64_t>(0, std::min(last + 1, x.input) - std::max<int64_t>(last - taps + 1, 0));
      if (met == taps) {
        ++whole;
      } else {
        clipped += strip_ends + cycles(inside_rows, met) + rows.borders * (strip_ends + cycles(1, met));
      }
    }
    padded += all_rows * cycles(end - begin, taps);
    clipped += all_rows * cycles(whole, taps);
  }
  return clipped < unsure * padded;
}

}  // namespace tconv::window_gemm
