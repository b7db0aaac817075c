#include "gemm_panels.hpp"

#include <algorithm>

#include "checked.hpp"

namespace tconv {

double tile_cycles(double rows, double vectors) { return std::max({rows * vectors / 2, (rows + vectors) / 2, 4.0}); }

double strip_cycles(const arch::KernelTable& kernels, int64_t rows, int64_t vectors) {
  const int64_t tile_rows = static_cast<int64_t>(kernels.gemm_tile_rows[vectors - 1]);
  const int64_t tiles = ceil_div(rows, tile_rows);
  return static_cast<double>(tiles) *
         tile_cycles(static_cast<double>(rows) / static_cast<double>(tiles), static_cast<double>(vectors));
}

double panels_cycles(const arch::KernelTable& kernels, const PanelWidths& panels, int64_t rows) {
  return static_cast<double>(panels.count - 1) * strip_cycles(kernels, rows, panels.vectors) +
         strip_cycles(kernels, rows, panels.last_vectors);
}

PanelWidths choose_panels(const arch::KernelTable& kernels, int64_t columns, int64_t rows) {
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  PanelWidths best;
  for (int64_t vectors = 1; vectors <= static_cast<int64_t>(arch::KernelTable::max_vectors); ++vectors) {
    if (kernels.gemm[vectors - 1] == nullptr) continue;
    const int64_t count = ceil_div(columns, vectors * lanes);
    const int64_t last = ceil_div(columns - (count - 1) * vectors * lanes, lanes);
    PanelWidths widths{vectors, count, last, 0};
    widths.cycles = panels_cycles(kernels, widths, rows);
    if (best.vectors == 0 || widths.cycles < best.cycles * 0.999) best = widths;
  }
  return best;
}

}  // namespace tconv
