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

// Squares of the transforms' numbers with so many points, worked out by the compiler: rational arithmetic takes a millisecond. Each
// number of points is a constant of its own, for Clang takes no more than a million steps for one.
struct Squares {
  double input_row[arch::max_points] = {};                // [point]: |B^T[point]|^2
  double power[arch::max_points][arch::max_points] = {};  // [finite point][e]: (a^e)^2
};
template <int kPoints>
constexpr Squares make_squares() {
  Squares squares;
  for (int point = 0; point < kPoints; ++point) {
    for (int i = 0; i < kPoints; ++i) {
      const double b = cook_toom::input_transform(kPoints, point, i).value();
      squares.input_row[point] += b * b;
    }
    if (cook_toom::is_infinity(kPoints, point)) continue;
    const double a = cook_toom::finite_point(kPoints, point).value();
    double power = 1;
    for (int e = 0; e < arch::max_points; ++e, power *= a) squares.power[point][e] = power * power;
  }
  return squares;
}
template <int kPoints>
constexpr Squares squares_of = make_squares<kPoints>();
static_assert(cook_toom::fewest_points == 3 && arch::max_points == 8);
constexpr const Squares* squares_by_points[] = {&squares_of<3>, &squares_of<4>, &squares_of<5>,
                                                &squares_of<6>, &squares_of<7>, &squares_of<8>};
const Squares& squares(const AxisDomain& domain) { return *squares_by_points[domain.points - cook_toom::fewest_points]; }

// The square of the number that meets tap or output e of `count` at a point.
double squared(const AxisDomain& domain, int64_t point, int64_t e, int64_t count) {
  if (point == domain.points - 1) return e == count - 1 ? 1 : 0;
  return squares(domain).power[point][e];
}

Growth growth(const AxisDomain& domain, const PhaseDomain& phase, int64_t phase_taps) {
  if (domain.taps == 1) return {1, 1};
  double variance[arch::max_points] = {};
  for (int64_t point = phase.first_point; point < phase.last_point; ++point) {
    double weight = 0;
    for (int64_t j = 0; j < phase_taps; ++j) weight += squared(domain, point, phase.last_tap - j, domain.taps);
    variance[point] = weight * squares(domain).input_row[point];
  }
  Growth result;
  for (int64_t t = 0; t < domain.outputs; ++t) {
    double sum = 0;
    for (int64_t point = 0; point < domain.points; ++point) sum += squared(domain, point, t, domain.outputs) * variance[point];
    result.mean += sum / static_cast<double>(domain.outputs);
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
    for (const LivePhase& phase : phases.live) {
      const double n = static_cast<double>(phase.taps);
      Growth g{n, n};
      if (domains[a] != nullptr) g = growth(*domains[a], domains[a]->phase[static_cast<size_t>(phase.index)], phase.taps);
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
