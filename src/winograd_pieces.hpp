// Columns of a panel that are stored together.
#pragma once

#include <algorithm>

#include "layer.hpp"
#include "winograd.hpp"

namespace tconv::winograd {

// Columns [first, last) of a panel, neighbours in memory in each cell (g) of [begin, end). Cells that only some of a panel's
// phases have are cut at the ends of the image.
struct Piece {
  int64_t phase, channel;  // of the first column; phases are counted from the panel's
  int64_t first, last;
  int64_t begin, end;
};

class Pieces {
 public:
  Pieces(const Layer& layer, const Plan& plan) : layer_(layer), plan_(plan) {}

  const PhaseDomain& phase_of(const Panel& panel, int64_t number) const {
    return plan_.x.phase[static_cast<size_t>(panel.x + number)];
  }

  // All columns, in the cells that all of their phases have; later phases begin and end one cell earlier, if they do.
  Piece whole(const Panel& panel) const {
    const int64_t last = last_phase(panel);
    const int64_t begin = phase_of(panel, 0).begin;
    const bool none = last != 0 && !plan_.joined;
    return {0, panel.channel, 0, panel.columns, begin, none ? begin : std::max(begin, phase_of(panel, last).end)};
  }

  // What else a panel has: cells of some of its phases; or all cells, a phase at a time, where their pixels are no neighbours.
  template <typename Function>
  void for_each_other(const Panel& panel, const Function& f) const {
    const int64_t last = last_phase(panel);
    if (last == 0) return;
    const auto piece = [&](int64_t phase, int64_t end_phase, int64_t begin, int64_t end) {
      const auto column = [&](int64_t r) {
        return std::clamp<int64_t>(r * layer_.out_per_group - panel.channel, 0, panel.columns);
      };
      f(Piece{phase, phase == 0 ? panel.channel : 0, column(phase), column(end_phase), begin, end});
    };
    if (!plan_.joined) {
      for (int64_t r = 0; r <= last; ++r) {
        const PhaseDomain& phase = phase_of(panel, r);
        if (phase.begin < phase.end) piece(r, r + 1, phase.begin, phase.end);
      }
      return;
    }
    const Piece all = whole(panel);
    const auto cells = [&](int64_t begin, int64_t end) {
      for (int64_t g = begin; g < end; ++g) {
        const auto has = [&](int64_t r) { return phase_of(panel, r).begin <= g && g < phase_of(panel, r).end; };
        int64_t first = 0;
        while (first <= last && !has(first)) ++first;
        int64_t end_phase = first;
        while (end_phase <= last && has(end_phase)) ++end_phase;
        if (first < end_phase) piece(first, end_phase, g, g + 1);
      }
    };
    cells(phase_of(panel, last).begin, all.begin);
    cells(all.end, phase_of(panel, 0).end);
  }

 private:
  int64_t last_phase(const Panel& panel) const {
    const int64_t last = panel.channel + panel.columns - 1;
    return last < layer_.out_per_group ? 0 : last / layer_.out_per_group;
  }

  const Layer& layer_;
  const Plan& plan_;
};

}  // namespace tconv::winograd
