// The fused element-wise functions: on the output with their parameters, after bias and residual, and on the input.
#include <gtest/gtest.h>

#include "support/sweep.hpp"

namespace tconv_test {
namespace {

using Kind = tconv::ActivationKind;

class FusedActivations : public OnTarget {};

tconv::Description small_layer(int64_t channels) {
  tconv::Description d;
  d.in_channels = 4;
  d.out_channels = channels;
  for (int a = 0; a < 2; ++a) {
    d.axis[a].input = 3 + 2 * a;
    d.axis[a].kernel = 3;
    d.axis[a].stride = 2;
    d.axis[a].pad_begin = 1;
    d.axis[a].output_padding = 1;
  }
  return d;
}

std::vector<tconv::Activation> output_activations() {
  std::vector<tconv::Activation> all;
  for (int kind = 0; kind <= static_cast<int>(Kind::softplus); ++kind) all.push_back({static_cast<Kind>(kind), 0, 0, nullptr});
  for (float alpha : {0.01f, 0.2f, 1.0f, 1.7f, -0.3f}) {
    all.push_back({Kind::leaky_relu, alpha, 0, nullptr});
    all.push_back({Kind::elu, alpha, 0, nullptr});
  }
  all.push_back({Kind::clamp, 0, 6, nullptr});
  all.push_back({Kind::clamp, -0.5f, 0.5f, nullptr});
  all.push_back({Kind::clamp, 1.25f, 1.25f, nullptr});
  all.push_back({Kind::clamp, -2, -1, nullptr});
  return all;
}

// Sums of four to sixteen real products: where the functions bend. The whole numbers reach about 100 either way: where they
// saturate.
TEST_P(FusedActivations, OnTheOutput) {
  Random random(8);
  Sweep sweep(GetParam(), "seed 8");
  for (const tconv::Activation& activation : output_activations()) {
    for (int64_t channels : {3, 16, 21}) {
      tconv::Description d = small_layer(channels);
      d.activation = activation;
      sweep.run(make_problem(d, random, Data::real));
      sweep.run(make_problem(d, random, Data::whole));
    }
  }
}

TEST_P(FusedActivations, AfterTheResidual) {
  Random random(9);
  Sweep sweep(GetParam(), "seed 9");
  for (const tconv::Activation& activation : output_activations()) {
    tconv::Description d = small_layer(11);
    d.activation = activation;
    d.residual = true;
    const Problem problem = make_problem(d, random, Data::real);
    for (bool in_place : {false, true}) {
      Variant variant;
      variant.residual_in_place = in_place;
      sweep.run(problem, variant);
    }
  }
}

// Depthwise and dead phases (kernel < stride) go other ways through a kernel: bias, residual and activation belong there too.
TEST_P(FusedActivations, OfDepthwiseAndDeadPhases) {
  Random random(10);
  Sweep sweep(GetParam(), "seed 10");
  for (const tconv::Activation& activation : output_activations()) {
    for (int64_t groups : {1, 9}) {
      tconv::Description d = small_layer(9);
      d.in_channels = d.out_channels;
      d.groups = groups;
      d.activation = activation;
      d.residual = groups == 1;
      d.axis[0].stride = 4;
      d.axis[1].stride = 5;
      sweep.run(make_problem(d, random, Data::real));
    }
  }
}

TEST_P(FusedActivations, OnTheInput) {
  Random random(11);
  Sweep sweep(GetParam(), "seed 11");
  for (Kind kind : {Kind::none, Kind::relu, Kind::leaky_relu, Kind::elu}) {
    for (float alpha : {0.1f, 1.0f, -0.5f}) {
      for (int64_t groups : {1, 8}) {
        tconv::Description d = small_layer(16);
        d.in_channels = 8;
        d.groups = groups;
        d.batch = 2;
        d.input_activation = {kind, alpha, 0, nullptr};
        d.activation.kind = alpha == 1.0f ? Kind::tanh : Kind::none;
        Variant variant;
        variant.input_gaps = {3, 1, 2, 5, 4};
        sweep.run(make_problem(d, random, Data::real), variant);
      }
    }
  }
}

TCONV_INSTANTIATE_ON_TARGETS(FusedActivations);

}  // namespace
}  // namespace tconv_test
