// No kernel touches a byte outside its buffers: weights, bias, slopes, input, output, residual and workspace all end, then all
// begin, exactly at a page that may not be touched. (Every other test of this folder uses the same buffers; here both sides are
// complete.)
#include <gtest/gtest.h>

#include "support/random_layer.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

class Guards : public OnTarget {};

TEST_P(Guards, BothSidesOfEveryBuffer) {
  constexpr uint64_t seed = 21;
  Random random(seed);
  Sweep sweep(GetParam(), "seed 21");
  LayerLimits limits;
  limits.multiplications = 20000;
  limits.elements = 4000;
  limits.max_channels = 35;
  const int64_t rounds = effort(40, 400, 5000);
  for (int64_t round = 0; round < rounds && !sweep.hopeless(); ++round) {
    tconv::Description d = random_layer(random, limits);
    d.residual = true;
    if (round % 4 == 0) d.activation = {tconv::ActivationKind::prelu, 0, 0, nullptr};
    const Problem problem = make_problem(d, random, Data::whole);
    for (Placement placement : {Placement::ends_at_guard, Placement::begins_at_guard}) {
      Variant variant;
      variant.placement = placement;
      variant.residual_in_place = round % 3 == 0;
      sweep.run(problem, variant);
    }
  }
  if (rounds >= 400) sweep.require_every_algorithm();
}

TCONV_INSTANTIATE_ON_TARGETS(Guards);

// The guard itself: without these, a broken guard would make every test above pass.
TEST(GuardBufferDeathTest, CatchesAnOverrun) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const GuardBuffer buffer(12, Placement::ends_at_guard);
        static_cast<volatile float*>(buffer.floats())[3] = 1;
      },
      "");
}

TEST(GuardBufferDeathTest, CatchesAReadBeforeTheBeginning) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const GuardBuffer buffer(12, Placement::begins_at_guard);
        const float value = static_cast<volatile float*>(buffer.floats())[-1];
        std::fprintf(stderr, "%g", static_cast<double>(value));
      },
      "");
}

TEST(GuardBuffer, SeesWritesOnTheOtherSide) {
  {
    const GuardBuffer buffer(12, Placement::ends_at_guard);
    EXPECT_TRUE(buffer.surroundings_intact());
    for (int i = 0; i < 3; ++i) buffer.floats()[i] = 1;
    EXPECT_TRUE(buffer.surroundings_intact());
    buffer.floats()[-1] = 1;
    EXPECT_FALSE(buffer.surroundings_intact());
  }
  const GuardBuffer buffer(12, Placement::begins_at_guard);
  EXPECT_TRUE(buffer.surroundings_intact());
  buffer.floats()[3] = 1;
  EXPECT_FALSE(buffer.surroundings_intact());
}

TEST(GuardBuffer, EndsWhereItSays) {
  for (size_t bytes : {size_t{0}, size_t{4}, size_t{4092}, size_t{4096}, size_t{10000}}) {
    const GuardBuffer exact(bytes, Placement::ends_at_guard);
    EXPECT_EQ((reinterpret_cast<uintptr_t>(exact.data()) + bytes) % 4096, 0u) << bytes;
    const GuardBuffer aligned(bytes, Placement::ends_at_guard, 64);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(aligned.data()) % 64, 0u) << bytes;
    EXPECT_LT((4096 - (reinterpret_cast<uintptr_t>(aligned.data()) + bytes) % 4096) % 4096, 64u) << bytes;
  }
}

}  // namespace
}  // namespace tconv_test
