#include "support/winograd_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <numeric>

#include "arch/cook_toom.hpp"

namespace tconv_test {
namespace {

namespace cook_toom = tconv::arch::cook_toom;

// Sum of the magnitudes of row p of B^T, as its factors are multiplied.
double input_magnitude(int points, int p) {
  double product = 1;
  for (int j = 0; j < points - 1; ++j) {
    const double a = std::fabs(cook_toom::finite_point(points, j).value());
    const bool first_of_pair =
        j > 0 && j + 1 < points - 1 && cook_toom::finite_point(points, j + 1) == -cook_toom::finite_point(points, j);
    if (!first_of_pair) {
      if (j != p) product *= 1 + a;
      continue;
    }
    product *= p == j || p == j + 1 ? 1 + a : 1 + a * a;
    ++j;
  }
  return product / std::fabs(cook_toom::denominator(points, p).value());
}

double amplification(int outputs, int taps) {
  const int points = outputs + taps - 1;
  double most = 0;
  for (int t = 0; t < outputs; ++t) {
    for (int i = 0; i < taps; ++i) {
      double sum = 0;
      for (int p = 0; p < points; ++p) {
        sum += std::fabs(cook_toom::output_transform(points, outputs, t, p).value() *
                         cook_toom::weight_transform(points, taps, p, i)) *
               input_magnitude(points, p);
      }
      most = std::max(most, sum);
    }
  }
  return most;
}

// The taps of an output along one axis, in the terms of its sub-convolution: tap j reads q - offset - j * step.
struct OutputTaps {
  bool live = false;
  int64_t position = 0;  // q - offset
  int64_t taps = 0;
  int64_t step = 1;
};

OutputTaps output_taps(const LayerSizes& z, int a, int64_t o) {
  const int64_t s = z.stride[a];
  const int64_t d = z.dilation[a];
  const int64_t at = o + z.pad_begin[a];
  OutputTaps result;
  result.step = d / std::gcd(d, s);
  for (int64_t t = 0; t < z.kernel[a]; ++t) {
    if ((at - d * t) % s != 0) continue;
    if (!result.live) result.position = (at - d * t) / s;
    result.live = true;
    ++result.taps;
  }
  return result;
}

// May something in input i reach an output with these taps?
bool reaches(const OutputTaps& taps, const FilteredAxis& axis, int64_t i) {
  const int64_t distance = taps.position - i;
  if (!taps.live || distance % taps.step != 0) return false;
  if (axis.taps > 1) return std::abs(distance / taps.step) <= axis.points() - 1;
  return distance >= 0 && distance / taps.step < taps.taps;
}

// Which taps meet at an output depends on its tap residues alone: outputs of one axis with the same residue are of one class.
struct ResidueClasses {
  std::vector<size_t> of_tap;
  std::vector<size_t> of_output;  // == count: no tap has this residue
  size_t count;

  ResidueClasses(const LayerSizes& z, int a) {
    std::map<int64_t, size_t> number;
    for (int64_t t = 0; t < z.kernel[a]; ++t) {
      of_tap.push_back(number.emplace(z.dilation[a] * t % z.stride[a], number.size()).first->second);
    }
    count = number.size();
    for (int64_t o = 0; o < z.output[a]; ++o) {
      const auto found = number.find((o + z.pad_begin[a]) % z.stride[a]);
      of_output.push_back(found != number.end() ? found->second : count);
    }
  }
};

// For every output in the order [n][channel][cell]: sum over channels and the taps of its phase of  |w| * D.
Doubles magnitudes(const LayerSizes& z, const Doubles& active, const Doubles& w) {
  std::vector<double> largest(static_cast<size_t>(z.batch * z.in_channels), 0.0);
  for (size_t i = 0; i < active.size(); ++i) {
    if (!std::isfinite(active[i])) continue;
    double& most = largest[i / static_cast<size_t>(z.input_cells())];
    most = std::max(most, std::fabs(active[i]));
  }
  const ResidueClasses axis[3] = {{z, 0}, {z, 1}, {z, 2}};
  // With a place for outputs without taps at the end of each axis.
  const size_t pitch[2] = {(axis[1].count + 1) * (axis[2].count + 1), axis[2].count + 1};
  const size_t classes = (axis[0].count + 1) * pitch[0];
  Doubles result;
  result.reserve(static_cast<size_t>(z.output_elements()));
  Doubles sums(classes);
  for (int64_t image = 0; image < z.batch * z.out_channels; ++image) {
    const int64_t n = image / z.out_channels;
    const int64_t channel = image % z.out_channels;
    const int64_t first = channel / z.out_per_group() * z.in_per_group();
    std::fill(sums.begin(), sums.end(), 0.0);
    for (int64_t ci = first; ci < first + z.in_per_group(); ++ci) {
      const double most = largest[static_cast<size_t>(n * z.in_channels + ci)];
      const double* weight = &w[static_cast<size_t>((ci * z.out_per_group() + channel % z.out_per_group()) * z.taps())];
      for (const size_t c0 : axis[0].of_tap) {
        for (const size_t c1 : axis[1].of_tap) {
          for (const size_t c2 : axis[2].of_tap) sums[c0 * pitch[0] + c1 * pitch[1] + c2] += most * std::fabs(*weight++);
        }
      }
    }
    for (const size_t c0 : axis[0].of_output) {
      for (const size_t c1 : axis[1].of_output) {
        for (const size_t c2 : axis[2].of_output) result.push_back(sums[c0 * pitch[0] + c1 * pitch[1] + c2]);
      }
    }
  }
  return result;
}

// Marks the outputs that NaN or infinity in the input may reach.
void mark_free(const LayerSizes& z, const Filtering& filtering, const Doubles& active, const Doubles& ones, Expectation* e) {
  Doubles nan_inputs(active.size(), 0.0);
  bool any = false;
  const int64_t cells = z.output_cells();
  for (size_t i = 0; i < active.size(); ++i) {
    if (std::isfinite(active[i])) continue;
    any = true;
    nan_inputs[i] = std::isnan(active[i]) ? 1 : 0;
    const int64_t cell = static_cast<int64_t>(i) % z.input_cells();
    const int64_t at[3] = {cell / (z.input[1] * z.input[2]), cell / z.input[2] % z.input[1], cell % z.input[2]};
    const int64_t channel = static_cast<int64_t>(i) / z.input_cells();
    const int64_t first = channel / z.in_channels * z.out_channels + channel % z.in_channels / z.in_per_group() * z.out_per_group();
    std::vector<bool> reached[3];
    for (int a = 0; a < 3; ++a) {
      for (int64_t o = 0; o < z.output[a]; ++o) reached[a].push_back(reaches(output_taps(z, a, o), filtering.axis[a], at[a]));
    }
    if (e->free.empty()) e->free.assign(e->value.size(), false);
    for (int64_t c = 0; c < z.out_per_group(); ++c) {
      for (int64_t o = 0; o < cells; ++o) {
        if (reached[0][static_cast<size_t>(o / (z.output[1] * z.output[2]))] &&
            reached[1][static_cast<size_t>(o / z.output[2] % z.output[1])] && reached[2][static_cast<size_t>(o % z.output[2])]) {
          e->free[static_cast<size_t>((first + c) * cells + o)] = true;
        }
      }
    }
  }
  if (!any) return;
  const Doubles from_nan = scatter_oracle(z, nan_inputs, ones);
  for (size_t i = 0; i < from_nan.size(); ++i) {
    if (from_nan[i] > 0) e->free[i] = false;  // the definition's NaN stands
  }
}

}  // namespace

Filtering filtering_of(const LayerSizes& z, const tconv::PlanSummary& plan) {
  Filtering filtering;
  if (plan.algorithm != tconv::Algorithm::winograd && plan.algorithm != tconv::Algorithm::planar_winograd) return filtering;
  const char* text = plan.variant;
  for (int a = 1; a < 3; ++a) {
    // An axis whose phases have one tap each is not filtered, nor is any but y by planar_winograd.
    const bool several_taps = z.kernel[a] > z.stride[a] / std::gcd(z.dilation[a], z.stride[a]);
    if (!several_taps || (a == 2 && plan.algorithm == tconv::Algorithm::planar_winograd)) continue;
    int outputs = 0;
    int taps = 0;
    text = std::strstr(text, "F(");
    if (text == nullptr || std::sscanf(text, "F(%d,%d)", &outputs, &taps) != 2) break;
    filtering.axis[a] = {outputs, taps};
    ++text;
  }
  return filtering;
}

double amplification(const FilteredAxis& axis) {
  struct Table {
    double of[cook_toom::max_points][cook_toom::max_points] = {};  // [outputs][taps]
    Table() {
      for (int outputs = 2; outputs < cook_toom::max_points; ++outputs) {
        for (int taps = 2; outputs + taps - 1 <= cook_toom::max_points; ++taps) of[outputs][taps] = amplification(outputs, taps);
      }
    }
  };
  static const Table table;
  return axis.taps == 1 ? 1 : table.of[axis.outputs][axis.taps];
}

Expectation expect_filtered(const Expectation& direct, const LayerSizes& z, const tconv::Description& d, const Filtering& filtering,
                            const Doubles& x, const Doubles& w) {
  if (!filtering.any()) return direct;
  Expectation e = direct;
  const Doubles active = activate_input(d.input_activation, x);
  double factor = 1;
  double roundings = static_cast<double>(z.in_per_group() * z.taps() + 4);
  for (const FilteredAxis& axis : filtering.axis) {
    factor *= amplification(axis);
    if (axis.taps > 1) roundings += 2 * static_cast<double>(axis.points()) + 8;
  }
  const Doubles magnitude = magnitudes(z, active, w);
  // The error of the activation on the input, which the transforms amplify too, is far below 8 ULP of the largest input.
  const double per_magnitude =
      factor * (gamma(roundings) + (d.input_activation.kind != tconv::ActivationKind::none ? gamma(16) : 0));
  for (size_t i = 0; i < e.bound.size(); ++i) {
    if (!std::isfinite(e.value[i])) continue;
    const int64_t channel = static_cast<int64_t>(i) / z.output_cells() % z.out_channels;
    const double more = per_magnitude * magnitude[i];
    e.bound[i] += lipschitz(d.activation, channel) * more + std::max(activation_error(d.activation, e.sum[i] + more, channel),
                                                                     activation_error(d.activation, e.sum[i] - more, channel));
  }
  mark_free(z, filtering, active, Doubles(w.size(), 1.0), &e);
  return e;
}

}  // namespace tconv_test
