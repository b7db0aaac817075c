// NaN and infinity appear where the definition's products put them and nowhere else: no kernel multiplies them by the zeros of
// padding, of inserted cells or of padded columns (0 * NaN = NaN), and none loses them in a max or a masked store.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/random_layer.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

class NonFinite : public OnTarget {};

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<tconv::Description> layers() {
  const struct {
    int64_t in_channels, out_channels, groups, kernel, stride, dilation, pad;
  } rows[] = {{3, 5, 1, 3, 2, 1, 1}, {4, 8, 1, 4, 2, 1, 1},    {5, 16, 1, 2, 2, 1, 0}, {7, 7, 7, 5, 3, 1, 2},
              {4, 6, 2, 3, 2, 2, 1}, {6, 33, 1, 3, 1, 1, 1},   {3, 2, 1, 2, 4, 1, 0},  {8, 1, 1, 9, 2, 1, 4},
              {2, 3, 1, 5, 4, 1, 2}, {20, 20, 20, 16, 8, 1, 4}};
  std::vector<tconv::Description> all;
  for (const auto& row : rows) {
    tconv::Description d;
    d.in_channels = row.in_channels;
    d.out_channels = row.out_channels;
    d.groups = row.groups;
    for (int a = 0; a < 2; ++a) {
      d.axis[a].input = 4 + a;
      d.axis[a].kernel = row.kernel;
      d.axis[a].stride = row.stride;
      d.axis[a].dilation = row.dilation;
      d.axis[a].pad_begin = d.axis[a].pad_end = row.pad;
    }
    all.push_back(d);
  }
  return all;
}

// Every oracle value is either NaN, infinite or finite, and compare() holds the result to the same; here it is made sure that
// the case shows something: some outputs are touched.
void expect_some_nonfinite(const Problem& problem) {
  int64_t touched = 0;
  for (double v : problem.expected.value) touched += !std::isfinite(v);
  EXPECT_GT(touched, 0) << to_string(problem.layer);
}

TEST_P(NonFinite, OneElementOfTheInput) {
  Random random(12);
  Sweep sweep(GetParam(), "seed 12");
  for (const tconv::Description& d : layers()) {
    Problem problem = make_problem(d, random, Data::real);
    for (float poison : {nan, infinity, -infinity}) {
      // The corners and one in between.
      for (size_t at : {size_t{0}, problem.x.size() / 2, problem.x.size() - 1}) {
        const float before = problem.x[at];
        problem.x[at] = poison;
        expect_again(&problem);
        sweep.run(problem);
        problem.x[at] = before;
      }
    }
  }
}

TEST_P(NonFinite, OneWeight) {
  Random random(13);
  Sweep sweep(GetParam(), "seed 13");
  for (const tconv::Description& d : layers()) {
    Problem problem = make_problem(d, random, Data::real);
    for (float poison : {nan, infinity}) {
      for (size_t at : {size_t{0}, problem.w.size() / 2, problem.w.size() - 1}) {
        const float before = problem.w[at];
        problem.w[at] = poison;
        expect_again(&problem);
        expect_some_nonfinite(problem);
        sweep.run(problem);
        problem.w[at] = before;
      }
    }
  }
}

// A whole tap of every channel: whatever a kernel adds for cells outside the input shows.
TEST_P(NonFinite, OneTapOfAllChannels) {
  Random random(14);
  Sweep sweep(GetParam(), "seed 14");
  for (const tconv::Description& d : layers()) {
    Problem problem = make_problem(d, random, Data::real);
    const auto taps = static_cast<size_t>(problem.sizes.taps());
    for (size_t tap : {size_t{0}, taps / 2, taps - 1}) {
      const Floats before = problem.w;
      for (size_t i = tap; i < problem.w.size(); i += taps) problem.w[i] = nan;
      expect_again(&problem);
      sweep.run(problem);
      problem.w = before;
    }
  }
}

TEST_P(NonFinite, BiasAndResidual) {
  Random random(15);
  Sweep sweep(GetParam(), "seed 15");
  for (tconv::Description d : layers()) {
    d.residual = true;
    Problem problem = make_problem(d, random, Data::real);
    problem.bias.back() = nan;
    problem.residual[0] = infinity;
    problem.residual[problem.residual.size() / 2] = nan;
    expect_again(&problem);
    expect_some_nonfinite(problem);
    sweep.run(problem);
  }
}

TEST_P(NonFinite, ThroughEveryActivation) {
  Random random(16);
  Sweep sweep(GetParam(), "seed 16");
  for (int kind = 0; kind <= static_cast<int>(tconv::ActivationKind::softplus); ++kind) {
    tconv::Description d = layers()[static_cast<size_t>(kind) % 4];
    d.activation = {static_cast<tconv::ActivationKind>(kind), 0.5f, 2.0f, nullptr};
    Problem problem = make_problem(d, random, Data::real);
    problem.x[problem.x.size() / 2] = nan;
    problem.bias[0] = nan;
    expect_again(&problem);
    expect_some_nonfinite(problem);
    sweep.run(problem);
  }
}

TEST_P(NonFinite, ThroughTheInputActivation) {
  Random random(17);
  Sweep sweep(GetParam(), "seed 17");
  for (auto kind : {tconv::ActivationKind::relu, tconv::ActivationKind::leaky_relu, tconv::ActivationKind::elu}) {
    for (tconv::Description d : layers()) {
      d.input_activation = {kind, 0.5f, 0, nullptr};
      Problem problem = make_problem(d, random, Data::real);
      problem.x[problem.x.size() / 2] = nan;
      expect_again(&problem);
      sweep.run(problem);
    }
  }
}

TCONV_INSTANTIATE_ON_TARGETS(NonFinite);

}  // namespace
}  // namespace tconv_test
