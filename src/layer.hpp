// A validated layer with its phases: what plans, packing and runs work on.
#pragma once

#include "phases.hpp"
#include "tconv/conv_transpose.hpp"

namespace tconv {

struct Layer {
  Description description;
  Geometry geometry;
  AxisPhases phases[max_rank];
  int64_t in_per_group = 1;
  int64_t out_per_group = 1;
  // A weight that is infinite or NaN must not meet the zeros beside the image: then borders are clipped instead of padded.
  bool finite_weights = true;

  const Axis& axis(int a) const { return geometry.axis[a]; }
  int64_t output(int a) const { return geometry.output[a]; }
  bool has_input_activation() const { return description.input_activation.kind != ActivationKind::none; }
};

// Weight of (input channel within its group, output channel within its group, taps) in the caller's array.
inline int64_t weight_index(const Layer& layer, int64_t group, int64_t ci, int64_t co, const int64_t tap[max_rank]) {
  const Geometry& g = layer.geometry;
  const int64_t channel = (group * layer.in_per_group + ci) * layer.out_per_group + co;
  return ((channel * g.axis[0].kernel + tap[0]) * g.axis[1].kernel + tap[1]) * g.axis[2].kernel + tap[2];
}

// The pointers of one run().
struct RunArguments {
  const float* input;
  float* output;
  const float* residual;  // nullptr: none
  unsigned char* workspace;
  Parallelism parallelism;
};

}  // namespace tconv
