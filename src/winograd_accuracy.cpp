#include <algorithm>
#include <cmath>

#include "arch/cook_toom.hpp"
#include "winograd.hpp"

namespace tconv::winograd {
namespace {

namespace cook_toom = arch::cook_toom;

// Variances of the sums that make the outputs of one phase along one axis, for inputs and weights of variance 1 and one channel.
struct Growth {
  double mean = 0;     // over the outputs of a tile
  double largest = 0;  // of them
};

// |B^T[point]|^2 of every point.
void squared_rows(const AxisDomain& domain, double (&rows)[arch::max_points]) {
  const int points = static_cast<int>(domain.points);
  for (int point = 0; point < points && points > 1; ++point) {
    rows[point] = 0;
    for (int i = 0; i < points; ++i) {
      const double b = cook_toom::input_transform(points, point, i).value();
      rows[point] += b * b;
    }
  }
}

Growth growth(const AxisDomain& domain, const double (&rows)[arch::max_points], const PhaseDomain& phase, int64_t phase_taps) {
  if (domain.taps == 1) return {1, 1};
  const int points = static_cast<int>(domain.points);
  const int outputs = static_cast<int>(domain.outputs);
  double variance[arch::max_points] = {};
  for (int point = static_cast<int>(phase.first_point); point < static_cast<int>(phase.last_point); ++point) {
    double weight = 0;
    for (int64_t j = 0; j < phase_taps; ++j) {
      const double g =
          cook_toom::weight_transform(points, static_cast<int>(domain.taps), point, static_cast<int>(phase.last_tap - j));
      weight += g * g;
    }
    variance[point] = weight * rows[point];
  }
  Growth result;
  for (int t = 0; t < outputs; ++t) {
    double sum = 0;
    for (int point = 0; point < points; ++point) {
      const double a = cook_toom::output_transform(points, outputs, t, point).value();
      sum += a * a * variance[point];
    }
    result.mean += sum / outputs;
    result.largest = std::max(result.largest, sum);
  }
  return result;
}

}  // namespace

// A sum of S terms of variance 1, one after the other, has partial sums of variance 1 .. S. Each of them is rounded, by an error of
// variance 0.18 u^2 times its own (u = 2^-24; the mean of ulp^2 / 12 over numbers whose logarithms are spread evenly), together
// 0.18 u^2 S^2 / 2: a root mean square of 0.3 u sqrt(S) of the result's. Hence, per output,
//
//     direct          (taps_y taps_x)^2 * S^2 / 2                      S: input channels times taps of z
//     filtered        growth_y growth_x * (S^2 / 2 + 8 S)              the second term: the transforms' own roundings, as measured
//                                                                      without fused multiply-adds
// where a filtered axis of growth g = sum over i of A^T[t][i]^2 |B^T[i]|^2 |G[i]|^2 sums products of that variance. An axis that
// planar_winograd does directly has growth taps_x, and adds up the sums of its taps at the end: 0.75 taps_x S more.
//
// At the borders of an image direct sums have fewer terms, and their errors shrink faster than those of tiles: over 15 inputs by 3%
// (2 taps) to 11% (5 taps) in the mean of two axes, as measured.
ErrorEstimate estimate_errors(const Layer& layer, const AxisDomain& y, const AxisDomain* x) {
  const AxisDomain* const domains[max_rank] = {nullptr, &y, x};
  double filtered = 1, direct = 1, largest = 1, terms = 1;
  double roundings = 16;
  double borders = 1;
  for (int a = 1; a < max_rank; ++a) {
    const AxisPhases& phases = layer.phases[a];
    double sum = 0, squares = 0, most = 0, taps = 0;
    double rows[arch::max_points] = {};
    if (domains[a] != nullptr) squared_rows(*domains[a], rows);
    for (size_t i = 0; i < phases.live.size(); ++i) {
      const double n = static_cast<double>(phases.live[i].taps);
      Growth g{n, n};
      if (domains[a] != nullptr) g = growth(*domains[a], rows, domains[a]->phase[i], phases.live[i].taps);
      sum += g.mean;
      most = std::max(most, g.largest);
      squares += n * n;
      taps += n;
    }
    const double count = static_cast<double>(phases.live.size());
    filtered *= sum / count;
    direct *= squares / count;
    largest *= most;
    terms *= taps / count;
    borders -= 0.015 * static_cast<double>(phases.most_taps() - 1);
    if (domains[a] == nullptr) roundings += 1.5 * most;
  }
  const double steps = static_cast<double>(layer.phases[0].most_taps() * layer.in_per_group);
  const double transforms = 1 + roundings / steps;
  constexpr double unit = 1.0 / 16777216;
  return {std::sqrt(filtered * transforms / direct) / std::max(borders, 0.5),
          unit * std::sqrt(0.09 * steps * largest * transforms / terms)};
}

bool accurate(const Layer& layer, WinogradAccuracy accuracy, const AxisDomain& y, const AxisDomain* x) {
  const ErrorEstimate errors = estimate_errors(layer, y, x);
  switch (accuracy) {
    case WinogradAccuracy::strict:
      return errors.ratio <= 1.12;
    case WinogradAccuracy::standard:
      return 8 * errors.largest_rms <= 5e-5;
    default:
      return false;
  }
}

}  // namespace tconv::winograd
