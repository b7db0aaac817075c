// The caller's threads: the same bits for every number of threads and every order, and one operator on many threads at once.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "support/parallel.hpp"
#include "support/random_layer.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

class Threads : public OnTarget {
 protected:
  static std::vector<tconv::Description> layers() {
    const struct {
      int64_t batch, in_channels, out_channels, groups, height, width, kernel, stride;
    } rows[] = {{1, 16, 24, 1, 12, 14, 4, 2}, {3, 5, 7, 1, 5, 6, 3, 2},    {1, 32, 32, 32, 20, 20, 4, 2},
                {2, 12, 3, 1, 16, 33, 4, 2},  {1, 64, 48, 1, 3, 3, 3, 2},  {1, 8, 8, 2, 9, 40, 2, 2},
                {1, 1, 1, 1, 1, 1, 3, 2},     {1, 9, 17, 1, 30, 30, 3, 1}, {1, 4, 4, 1, 4, 4, 9, 5},
                {1, 12, 1, 1, 9, 31, 16, 8},  {1, 9, 5, 1, 7, 23, 8, 4}};
    std::vector<tconv::Description> all;
    for (const auto& row : rows) {
      tconv::Description d;
      d.batch = row.batch;
      d.in_channels = row.in_channels;
      d.out_channels = row.out_channels;
      d.groups = row.groups;
      for (int a = 0; a < 2; ++a) {
        d.axis[a].input = a == 0 ? row.height : row.width;
        d.axis[a].kernel = row.kernel;
        d.axis[a].stride = row.stride;
        d.axis[a].pad_begin = 1;
      }
      d.activation.kind = tconv::ActivationKind::silu;
      all.push_back(d);
    }
    return all;
  }

  static bool same_bits(const Floats& a, const Floats& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  }
};

TEST_P(Threads, SameBitsForEveryNumberAndOrder) {
  Random random(31);
  const std::vector<size_t> thread_counts = effort(1, 0, 0) ? std::vector<size_t>{3} : std::vector<size_t>{1, 2, 3, 4, 7};
  for (const tconv::Description& d : layers()) {
    const Problem problem = make_problem(d, random, Data::real);
    for (tconv::Layout layout : all_layouts) {
      for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
        Variant variant;
        variant.target = GetParam();
        variant.layout = layout;
        variant.algorithm = algorithm;
        tconv::ConvTranspose op;
        const Outcome created = create(problem, variant, &op);
        if (created.unsupported) continue;
        ASSERT_EQ(created.failure, "") << to_string(d) << "\n  " << to_string(variant);
        const Outcome alone = run_on(op, problem, variant);
        ASSERT_EQ(alone.failure, "") << to_string(d) << "\n  " << to_string(variant);
        for (size_t threads : thread_counts) {
          ShuffledOrder shuffled(threads, 1000 + threads);
          variant.parallelism = shuffled.parallelism();
          const Outcome in_disorder = run_on(op, problem, variant);
          ASSERT_EQ(in_disorder.failure, "") << to_string(d) << "\n  shuffled, " << to_string(variant);
          EXPECT_TRUE(same_bits(alone.output, in_disorder.output)) << to_string(d) << "\n  shuffled, " << to_string(variant);
          RealThreads real(threads);
          variant.parallelism = real.parallelism();
          const Outcome together = run_on(op, problem, variant);
          ASSERT_EQ(together.failure, "") << to_string(d) << "\n  real threads, " << to_string(variant);
          EXPECT_TRUE(same_bits(alone.output, together.output)) << to_string(d) << "\n  real threads, " << to_string(variant);
        }
      }
    }
  }
}

// The callback is used where there is something to share; otherwise the tests above would prove nothing.
TEST_P(Threads, LargeLayersUseTheCallback) {
  Random random(32);
  const Problem problem = make_problem(layers()[0], random, Data::real);
  for (tconv::Layout layout : all_layouts) {
    Variant variant;
    variant.target = GetParam();
    variant.layout = layout;
    ShuffledOrder shuffled(4, 1);
    variant.parallelism = shuffled.parallelism();
    const Outcome outcome = run_case(problem, variant);
    EXPECT_EQ(outcome.failure, "") << to_string(variant);
    EXPECT_GT(shuffled.calls(), 0u) << to_string(variant);
  }
}

// One operator, several threads, each with its own output and workspace.
TEST_P(Threads, OneOperatorRunsManyTimesAtOnce) {
  Random random(33);
  for (const tconv::Description& d : layers()) {
    const Problem problem = make_problem(d, random, Data::real);
    for (tconv::Layout layout : all_layouts) {
      for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
        Variant variant;
        variant.target = GetParam();
        variant.layout = layout;
        variant.algorithm = algorithm;
        tconv::ConvTranspose op;
        const Outcome created = create(problem, variant, &op);
        if (created.unsupported) continue;
        ASSERT_EQ(created.failure, "") << to_string(d) << "\n  " << to_string(variant);
        const Outcome alone = run_on(op, problem, variant);
        constexpr int runners = 3;
        std::vector<Outcome> outcomes[runners];
        std::vector<std::thread> threads;
        for (auto& mine : outcomes) {
          mine.resize(static_cast<size_t>(effort(1, 4, 4)));
          threads.emplace_back([&] {
            for (Outcome& outcome : mine) outcome = run_on(op, problem, variant);
          });
        }
        for (std::thread& thread : threads) thread.join();
        for (const auto& runner : outcomes) {
          for (const Outcome& outcome : runner) {
            ASSERT_EQ(outcome.failure, "") << to_string(d) << "\n  " << to_string(variant);
            EXPECT_TRUE(same_bits(alone.output, outcome.output)) << to_string(d) << "\n  " << to_string(variant);
          }
        }
      }
    }
  }
}

TCONV_INSTANTIATE_ON_TARGETS(Threads);

}  // namespace
}  // namespace tconv_test
