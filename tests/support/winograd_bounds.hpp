// How far results of minimal filtering (winograd, planar_winograd) may be from the oracle, and where NaN and infinity may spread.
//
// Rounding. Along one axis y = A^T [(G g) o (B^T d)]: every input of a tile's window meets every tap, and what cancels in exact
//   arithmetic leaves its rounding errors. With the magnitudes of all matrices, and |d| <= D over a window,
//
//       |error of y_t| <= gamma(k) * sum over points p of  |A_tp| * sum over taps i of |G_pi| |g_i| * sum over j of |B_pj| * D
//                      <= gamma(k) * amplification(m, R) * D * sum |g_i|
//       amplification(m, R) = max over t, i of  sum over p of  |A_tp| |G_pi| b_p
//
//   where b_p is the sum of the magnitudes of row p of B^T as it is computed, factor by factor: x^2 + a^2 for a pair of opposite
//   points, x + |a| for others, at x = 1, over the denominator. k counts the roundings on the longest way: the sum over channels
//   and direct taps, and per filtered axis the three transforms. Two filtered axes multiply their amplifications; channels add up.
//   D is taken over a whole channel plane, so no knowledge of where tiles lie is needed.
//
// NaN and infinity in an input reach every output of the tiles whose windows hold it: |i - (q - b)| <= (n - 1) e along a filtered
//   axis for an output of phase offset b and input step e. There anything may stand, but for this: an output that the definition
//   makes from a NaN is NaN. Everywhere else nothing may be seen of them.
#pragma once

#include "support/tolerance.hpp"
#include "tconv/conv_transpose.hpp"

namespace tconv_test {

struct FilteredAxis {
  int64_t outputs = 1;
  int64_t taps = 1;  // 1: the axis is not filtered
  int64_t points() const { return outputs + taps - 1; }
};
struct Filtering {
  FilteredAxis axis[3];
  bool any() const { return axis[0].taps > 1 || axis[1].taps > 1 || axis[2].taps > 1; }
};

// What plan().variant names, e.g. "F(4,3) x F(4,3)". No axis is filtered in the direct algorithms.
Filtering filtering_of(const LayerSizes& sizes, const tconv::PlanSummary& plan);

double amplification(const FilteredAxis& axis);

// `direct`: what expect() says of the same data.
Expectation expect_filtered(const Expectation& direct, const LayerSizes& sizes, const tconv::Description& description,
                            const Filtering& filtering, const Doubles& x, const Doubles& w);

}  // namespace tconv_test
