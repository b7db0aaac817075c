// Random layers and random ways of laying them out.
#pragma once

#include "support/problem.hpp"

namespace tconv_test {

struct LayerLimits {
  int64_t multiplications = 60000;
  int64_t elements = 20000;  // of the input and of the output, each
  int64_t max_channels = 40;
};

// Always valid. Favours what goes wrong: sizes of 1, strides above the kernel, paddings that are no multiple of the stride, common
// divisors of dilation and stride, SAME_*, output_shape, groups of every kind.
tconv::Description random_layer(Random& random, const LayerLimits& limits = {});

// With parameters; prelu's slopes are made by make_problem().
tconv::Activation random_activation(Random& random);
tconv::Activation random_input_activation(Random& random);

// Half of the time none at all.
Gaps random_gaps(Random& random);

// This machine's, or absurdly small ones.
tconv::CacheSizes random_caches(Random& random);

}  // namespace tconv_test
