// Strassen's algorithm: blocks, halves and panels with every remainder, borders, reshapes, limits, what NaN reaches, and when the
// plan takes it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "support/parallel.hpp"
#include "support/random_layer.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

using tconv::Algorithm;

tconv::Description tiles(int rank, int64_t in_channels, int64_t out_channels, int64_t input, int64_t stride) {
  tconv::Description d;
  d.rank = rank;
  d.in_channels = in_channels;
  d.out_channels = out_channels;
  d.layout = tconv::Layout::nhwc;
  for (int a = 0; a < rank; ++a) {
    d.axis[a].input = input;
    d.axis[a].kernel = d.axis[a].stride = stride;
  }
  return d;
}

class Strassen : public OnTarget {
 protected:
  Variant variant() const {
    Variant v;
    v.target = GetParam();
    v.algorithm = Algorithm::strassen;
    v.layout = tconv::Layout::nhwc;
    return v;
  }
  // Runs it and counts.
  void check(const Problem& problem, const Variant& v) {
    Sweep sweep(GetParam(), to_string(problem.layer));
    sweep.run_one(problem, v);
    EXPECT_EQ(sweep.ran(Algorithm::strassen), 1) << to_string(problem.layer);
  }
};

// From one row to several register tiles in a half, with odd numbers, and from one column to several pairs of panels.
TEST_P(Strassen, EveryRemainderOfRowsAndColumns) {
  Random random(71);
  const int64_t most = effort(15, 62, 62);
  for (int64_t rows = 1; rows <= most && !HasFailure(); ++rows) {
    check(make_problem(tiles(1, 6, 40, rows, 1), random, Data::whole), variant());
  }
  for (int64_t columns = 1; columns <= effort(20, 150, 150) && !HasFailure(); columns += 1 + columns / 40) {
    for (int64_t stride : {1, 2}) {
      check(make_problem(tiles(1, 4, columns, 9, stride), random, Data::whole), variant());
    }
  }
  for (int64_t half = 1; half <= 20 && !HasFailure(); ++half) {
    check(make_problem(tiles(1, 2 * half, 33, 14, 2), random, Data::whole), variant());
  }
}

// Blocks end within rows and planes of the image.
TEST_P(Strassen, BlocksCrossRowsAndPlanes) {
  Random random(72);
  Variant v = variant();
  v.cache = {256, 1024, 4096};  // one register tile in a half
  for (int rank : {1, 2, 3}) {
    for (int64_t input : {3, 5, 6}) {
      for (int64_t stride : {1, 2}) {
        tconv::Description d = tiles(rank, 10, 20, rank == 1 ? 13 * input : input, stride);
        d.batch = 2;
        for (const bool residual : {false, true}) {
          d.residual = residual;
          const Problem problem = make_problem(d, random, Data::whole);
          v.output_gaps = {};
          check(problem, v);
          v.output_gaps.row = v.output_gaps.plane = 5;
          check(problem, v);
        }
      }
    }
  }
}

TEST_P(Strassen, RandomLayers) {
  const int64_t rounds = effort(30, 600, 20000);
  for (int64_t round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Random random(7300 + static_cast<uint64_t>(round));
    const int rank = static_cast<int>(uniform(random, 1, 3));
    tconv::Description d = tiles(rank, 2 * uniform(random, 1, 30), uniform(random, 1, 50), 1, 1);
    d.batch = uniform(random, 1, 2);
    for (int a = 0; a < rank; ++a) {
      tconv::Axis& axis = d.axis[a];
      axis.input = uniform(random, 1, rank == 1 ? 90 : rank == 2 ? 14 : 5);
      axis.kernel = axis.stride = uniform(random, 1, 4);
      if (chance(random, 0.4)) {
        const int64_t size = axis.stride * axis.input;
        axis.pad_begin = uniform(random, 0, std::min<int64_t>(size - 1, 5));
        axis.pad_end = uniform(random, 0, std::min<int64_t>(size - 1 - axis.pad_begin, 5));
        axis.output_padding = uniform(random, 0, axis.stride - 1);
      }
    }
    if (chance(random, 0.5)) d.activation = random_activation(random);
    if (chance(random, 0.3)) d.input_activation = random_input_activation(random);
    d.residual = chance(random, 0.3);
    const Problem problem = make_problem(d, random, chance(random, 0.5) ? Data::whole : Data::real, chance(random, 0.7));
    Variant v = variant();
    v.placement = chance(random, 0.5) ? Placement::ends_at_guard : Placement::begins_at_guard;
    v.input_gaps = random_gaps(random);
    v.output_gaps = random_gaps(random);
    v.residual_gaps = random_gaps(random);
    v.residual_in_place = chance(random, 0.5);
    v.cache = random_caches(random);
    ShuffledOrder shuffled(static_cast<size_t>(uniform(random, 1, 5)), 7300);
    if (chance(random, 0.3)) v.parallelism = shuffled.parallelism();
    check(problem, v);
  }
}

TEST_P(Strassen, ThreadsGiveTheSameBits) {
  Random random(74);
  for (const int64_t batch : {1, 3}) {
    tconv::Description d = tiles(2, 32, 24, 13, 2);
    d.batch = batch;
    d.axis[1].output_padding = 1;
    const Problem problem = make_problem(d, random, Data::real);
    tconv::ConvTranspose op;
    Variant v = variant();
    v.cache = {4 << 10, 16 << 10, 1 << 20};
    ASSERT_EQ(create(problem, v, &op).failure, "");
    const Outcome alone = run_on(op, problem, v);
    ASSERT_EQ(alone.failure, "");
    for (size_t threads : {2, 3, 7}) {
      RealThreads real(threads);
      v.parallelism = real.parallelism();
      const Outcome together = run_on(op, problem, v);
      ASSERT_EQ(together.failure, "");
      EXPECT_EQ(std::memcmp(alone.output.data(), together.output.data(), alone.output.size() * sizeof(float)), 0) << threads;
    }
  }
}

TEST_P(Strassen, ReshapesToWhateverTheWeightsAllow) {
  Random random(75);
  const Problem first = make_problem(tiles(2, 12, 20, 6, 2), random, Data::whole);
  tconv::ConvTranspose op;
  Variant v = variant();
  ASSERT_EQ(create(first, v, &op).failure, "");
  const size_t packed = op.packed_bytes();
  for (const int64_t input : {1, 9, 31, 6}) {
    for (const int64_t pad : {0, 1, 2, 5}) {
      if (2 * input <= pad) continue;
      for (const int64_t gap : {0, 3}) {
        tconv::Description next = first.layer;
        next.batch = 1 + input % 2;
        next.axis[0].input = input;
        next.axis[0].pad_begin = pad;
        next.axis[1].pad_end = std::min<int64_t>(pad, 11);
        next.axis[1].output_padding = pad % 2;
        const Problem problem = make_reshaped(first, next, random, Data::whole);
        v.output_gaps.pixel = gap;
        const tconv::Status status = op.reshape(described(problem, v));
        ASSERT_TRUE(status.ok()) << status.message();
        EXPECT_EQ(op.plan().algorithm, Algorithm::strassen);
        EXPECT_EQ(op.packed_bytes(), packed);
        EXPECT_EQ(run_on(op, problem, v).failure, "") << to_string(next);
      }
    }
  }
}

// An input that is not finite reaches its own outputs and those of one other pixel of its image.
TEST_P(Strassen, NanReachesTwoPixels) {
  Random random(76);
  tconv::Description d = tiles(2, 8, 24, 7, 2);
  d.batch = 2;
  Problem problem = make_problem(d, random, Data::real);
  for (const size_t at : {size_t{0}, problem.x.size() / 2 - 1, problem.x.size() - 1}) {
    const float before = problem.x[at];
    problem.x[at] = std::numeric_limits<float>::infinity();
    expect_again(&problem);
    const Outcome outcome = run_case(problem, variant());
    EXPECT_EQ(outcome.failure, "");
    int64_t touched = 0;
    for (const float y : outcome.output) touched += !std::isfinite(y);
    EXPECT_GE(touched, 4 * d.out_channels);
    EXPECT_LE(touched, 8 * d.out_channels);
    problem.x[at] = before;
  }
}

TEST_P(Strassen, LimitsAreKept) {
  const tconv::Description d = tiles(2, 256, 64, 24, 2);
  const std::vector<float> weights(static_cast<size_t>(d.in_channels * d.out_channels * 4), 1.0f);
  tconv::Options options;
  options.target = GetParam();
  options.algorithm = Algorithm::strassen;
  const auto create_op = [&] { return tconv::ConvTranspose::create(d, weights.data(), nullptr, options); };
  const auto op = create_op();
  ASSERT_TRUE(op.ok()) << op.status().message();
  const size_t packed = op->packed_bytes();
  EXPECT_GE(packed, weights.size() * sizeof(float) * 7 / 4);
  EXPECT_LE(packed, weights.size() * sizeof(float) * 2);
  options.max_workspace_bytes = size_t{256} << 10;
  const auto small = create_op();
  ASSERT_TRUE(small.ok()) << small.status().message();
  EXPECT_LE(small->workspace_bytes(), options.max_workspace_bytes);
  EXPECT_EQ(small->workspace_bytes(3), 3 * small->workspace_bytes());
  const auto refused = [&](const char* word) {
    options.algorithm = Algorithm::strassen;
    const tconv::Status status = create_op().status();
    EXPECT_EQ(status.code(), tconv::StatusCode::unsupported);
    EXPECT_NE(std::strstr(status.message(), word), nullptr) << status.message();
    options.algorithm = Algorithm::automatic;
    const auto other = create_op();
    ASSERT_TRUE(other.ok());
    EXPECT_NE(other->plan().algorithm, Algorithm::strassen);
    options = {};
    options.target = GetParam();
  };
  options.max_workspace_bytes = 1000;
  refused("max_workspace_bytes");
  options.max_packed_bytes = weights.size() * sizeof(float) * 3 / 2;
  refused("max_packed_bytes");
  options.winograd.accuracy = tconv::WinogradAccuracy::off;
  refused("winograd.accuracy");
  options.winograd.accuracy = tconv::WinogradAccuracy::strict;
  refused("winograd.accuracy");
}

TEST_P(Strassen, WeightsThatAreNotFiniteAreLeftToOthers) {
  Random random(77);
  Problem problem = make_problem(tiles(2, 8, 8, 4, 2), random, Data::real);
  problem.w[5] = std::numeric_limits<float>::infinity();
  expect_again(&problem);
  EXPECT_TRUE(run_case(problem, variant()).unsupported);
}

TCONV_INSTANTIATE_ON_TARGETS(Strassen);

struct Choice {
  const char* name;
  tconv::Description layer;
  bool strassen;
};

// Measured on a core with 48 KiB, 2 MiB and 480 MiB of caches, AVX2 and AVX-512: what was at least 5% faster, or slower.
TEST(StrassenChoice, IsTakenForLongSumsAndManyColumns) {
  tconv::Description point = tiles(2, 1024, 512, 28, 1);
  tconv::Description planes = tiles(2, 1024, 512, 28, 2);
  planes.layout = tconv::Layout::nchw;
  const Choice choices[] = {
      {"unet_orig_up1", tiles(2, 1024, 512, 28, 2), true},
      {"384 -> 256, 28 x 28", tiles(2, 384, 256, 28, 2), true},
      {"1 x 1, 1024 -> 512", point, true},
      {"64 -> 32, 128 x 128", tiles(2, 64, 32, 128, 2), false},
      {"96 -> 64, 56 x 56", tiles(2, 96, 64, 56, 2), false},
      {"unet_orig_up1, nchw", planes, false},
  };
  for (const tconv::Target target : {tconv::Target::avx2, tconv::Target::avx512}) {
    if (!tconv::target_supported(target)) continue;
    for (const Choice& choice : choices) {
      const tconv::Description& d = choice.layer;
      const std::vector<float> weights(static_cast<size_t>(d.in_channels * d.out_channels * d.axis[0].kernel * d.axis[1].kernel));
      tconv::Options options;
      options.target = target;
      options.cache = {48 << 10, 2 << 20, 480 << 20};
      const auto op = tconv::ConvTranspose::create(d, weights.data(), nullptr, options);
      ASSERT_TRUE(op.ok()) << op.status().message();
      EXPECT_EQ(op->plan().algorithm == Algorithm::strassen, choice.strassen)
          << choice.name << ", " << tconv::target_name(target) << ": " << op->plan().reason;
    }
  }
}

}  // namespace
}  // namespace tconv_test
