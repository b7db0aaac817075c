// Planar rows by way of T: which rows of T, from where on, overlap in an output row.
#pragma once

#include "planar_rows.hpp"

namespace tconv::planar {

class ProductRows : protected PeriodRows {
 protected:
  // `origin`: the column of T that belongs to x = 0 of the image row; where a strip begins later, to the x of its first q.
  ProductRows(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot,
              int64_t origin)
      : PeriodRows(layer, kernels, plan, arguments, slot), origin_(origin) {
    // Those of channel 0 of a chunk, phase by phase: those of the other channels lie further on. With many phases they are found
    // one by one.
    phases_listed_ = layer_.axis(2).stride <= arch::KernelTable::max_overlap_phases;
    size_t at = 0;
    for (int64_t phase = 0; phases_listed_ && phase < layer_.axis(2).stride; ++phase) {
      first_term_[phase] = at;
      at = find_terms(0, phase, terms_, at);
      first_term_[phase + 1] = at;
    }
  }

  // The terms that reach a phase in channel c of the chunk, `column` columns later.
  size_t append_terms(int64_t c, int64_t column, int64_t phase, arch::OverlapTerm* term, size_t at) const {
    if (!live_) return at;
    const int64_t distance = c * layer_.axis(2).kernel * plan_.t_pitch + column;
    if (!phases_listed_) return find_terms(distance, phase, term, at);
    for (size_t i = first_term_[phase]; i < first_term_[phase + 1]; ++i)
      term[at++] = {terms_[i].x + distance, 1.0f, terms_[i].first};
    return at;
  }

 private:
  size_t find_terms(int64_t distance, int64_t phase, arch::OverlapTerm* term, size_t at) const {
    const LivePhase* const taps = phase_from_output(layer_, 2, phase);
    for (int64_t j = 0; taps != nullptr && j < taps->taps; ++j) {
      const int64_t t = taps->first_tap + j * layer_.phases[2].tap_step;
      const int64_t shift = plan_.x_taps[static_cast<size_t>(t)].shift;
      term[at++] = {t_ + t * plan_.t_pitch + distance + origin_ - shift, 1.0f, static_cast<ptrdiff_t>(shift)};
    }
    return at;
  }

  int64_t origin_;
  bool phases_listed_ = false;
  size_t first_term_[arch::KernelTable::max_overlap_phases + 1] = {};
};

}  // namespace tconv::planar
