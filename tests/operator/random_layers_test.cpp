// Thousands of random layers, with every algorithm that takes them, in both layouts, with random pitches, alignments, cache sizes
// and threads.
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "support/parallel.hpp"
#include "support/random_layer.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

class RandomLayers : public OnTarget {};

// TCONV_TEST_SEED=N starts elsewhere; a failure prints its seed, which reproduces that layer alone as the first of a run.
uint64_t first_seed() {
  const char* const value = std::getenv("TCONV_TEST_SEED");
  return value != nullptr ? std::strtoull(value, nullptr, 10) : 1000000;
}

// Puts NaN and infinities into the data. At minus infinity silu, gelu and hard_swish are inf * 0 by their formulas and 0 in the
// limit: there only NaN.
void poison(Random& random, Problem* problem) {
  const tconv::ActivationKind kind = problem->layer.activation.kind;
  const bool nan_only =
      kind == tconv::ActivationKind::silu || kind == tconv::ActivationKind::gelu || kind == tconv::ActivationKind::hard_swish;
  for (Floats* data : {&problem->w, &problem->x, &problem->bias, &problem->residual}) {
    if (data->empty() || chance(random, 0.5)) continue;
    for (int64_t count = uniform(random, 1, 3); count > 0; --count) {
      const float infinity = std::numeric_limits<float>::infinity();
      float& victim = (*data)[static_cast<size_t>(uniform(random, 0, static_cast<int64_t>(data->size()) - 1))];
      victim =
          nan_only || chance(random, 0.5) ? std::numeric_limits<float>::quiet_NaN() : (chance(random, 0.5) ? infinity : -infinity);
    }
  }
  expect_again(problem);
}

void sweep_random_layers(tconv::Target target, int64_t rounds, uint64_t salt, const LayerLimits& limits, double poisoned) {
  int64_t ran[8] = {};
  int failed = 0;
  for (int64_t round = 0; round < rounds && failed < 5; ++round) {
    const uint64_t seed = first_seed() + static_cast<uint64_t>(round);
    Random random(seed ^ salt);
    Sweep sweep(target, "TCONV_TEST_SEED=" + std::to_string(seed));
    Problem problem =
        make_problem(random_layer(random, limits), random, chance(random, 0.5) ? Data::whole : Data::real, chance(random, 0.7));
    if (chance(random, poisoned)) poison(random, &problem);
    for (tconv::Layout layout : all_layouts) {
      Variant variant;
      variant.layout = layout;
      variant.placement = chance(random, 0.7) ? Placement::ends_at_guard : Placement::begins_at_guard;
      variant.input_gaps = random_gaps(random);
      variant.output_gaps = random_gaps(random);
      variant.residual_gaps = random_gaps(random);
      variant.residual_in_place = chance(random, 0.5);
      variant.cache = random_caches(random);
      ShuffledOrder shuffled(static_cast<size_t>(uniform(random, 1, 5)), seed);
      if (chance(random, 0.3)) variant.parallelism = shuffled.parallelism();
      for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
        variant.algorithm = algorithm;
        sweep.run_one(problem, variant);
      }
    }
    failed += testing::Test::HasFailure();
    for (tconv::Algorithm algorithm : tconv::all_algorithms) ran[static_cast<int>(algorithm)] += sweep.ran(algorithm);
  }
  for (tconv::Algorithm algorithm : tconv::all_algorithms) {
    testing::Test::RecordProperty(tconv::algorithm_name(algorithm), std::to_string(ran[static_cast<int>(algorithm)]));
    if (rounds >= 50) {
      EXPECT_GT(ran[static_cast<int>(algorithm)], 0) << tconv::algorithm_name(algorithm) << " took none of " << rounds << " layers";
    }
  }
}

TEST_P(RandomLayers, Small) {
  LayerLimits limits;
  limits.multiplications = 30000;
  limits.elements = 6000;
  sweep_random_layers(GetParam(), effort(150, 10000, 200000), 0, limits, 0);
}

// What is not finite may reach no output that the definition keeps it from.
TEST_P(RandomLayers, WithNanAndInfinity) {
  LayerLimits limits;
  limits.multiplications = 30000;
  limits.elements = 6000;
  sweep_random_layers(GetParam(), effort(150, 3000, 100000), 0x5851f42d4c957f2d, limits, 1);
}

// Enough rows, channels and pixels for every loop of a blocked kernel to turn more than once.
TEST_P(RandomLayers, Medium) {
  LayerLimits limits;
  limits.multiplications = 2000000;
  limits.elements = 100000;
  limits.max_channels = 130;
  sweep_random_layers(GetParam(), effort(10, 400, 10000), 0x9e3779b97f4a7c15, limits, 0.05);
}

TCONV_INSTANTIATE_ON_TARGETS(RandomLayers);

}  // namespace
}  // namespace tconv_test
