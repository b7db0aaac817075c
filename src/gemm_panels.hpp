// Which panel widths the matrix products of a target do soonest.
#pragma once

#include "arch/kernel_table.hpp"

namespace tconv {

// Cycles of a register tile per step of the sum, for a core with two multiply-add and two load ports and a latency of four: bound
// by the multiply-adds, by the loads (panel vectors and broadcasts), or by the latency of too few accumulators.
double tile_cycles(double rows, double vectors);
// The same for `rows` rows of A, split into tiles as the kernel does.
double strip_cycles(const arch::KernelTable& kernels, int64_t rows, int64_t vectors);

struct PanelWidths {
  int64_t vectors = 0;
  int64_t count = 0;
  int64_t last_vectors = 0;
  double cycles = 0;  // of `rows` rows, per step of the sum
  int64_t all_vectors() const { return (count - 1) * vectors + last_vectors; }
};
// Cycles of panels of given widths for another number of rows.
double panels_cycles(const arch::KernelTable& kernels, const PanelWidths& panels, int64_t rows);
// The width of the panels that do `columns` columns soonest.
PanelWidths choose_panels(const arch::KernelTable& kernels, int64_t columns, int64_t rows);

}  // namespace tconv
