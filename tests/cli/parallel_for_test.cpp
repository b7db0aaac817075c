#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "tools/support/parallel_for.hpp"

namespace tconv_test {
namespace {

TEST(ParallelFor, OneThreadNeedsNoPool) {
  tools::ThreadPool pool(1);
  EXPECT_EQ(pool.parallelism().parallel_for, nullptr);
  EXPECT_EQ(pool.parallelism().threads, 1u);
}

TEST(ParallelFor, CallsEachIndexOnceManyTimesOver) {
  tools::ThreadPool pool(4);
  const tconv::Parallelism p = pool.parallelism();
  ASSERT_EQ(p.threads, 4u);
  for (size_t count : {0u, 1u, 3u, 4u, 5u, 1000u}) {
    for (int round = 0; round < 200; ++round) {
      std::vector<std::atomic<int>> calls(count);
      p.parallel_for(
          p.context, count, [](void* argument, size_t i) { ++(*static_cast<std::vector<std::atomic<int>>*>(argument))[i]; },
          &calls);
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(calls[i], 1) << "count " << count << ", index " << i << ", round " << round;
    }
  }
}

TEST(ParallelFor, UsesItsThreads) {
  tools::ThreadPool pool(3);
  const tconv::Parallelism p = pool.parallelism();
  // All three calls wait for each other: they can only return when they run at the same time.
  std::atomic<int> arrived{0};
  p.parallel_for(
      p.context, 3,
      [](void* argument, size_t) {
        auto* arrivals = static_cast<std::atomic<int>*>(argument);
        ++*arrivals;
        while (*arrivals < 3) std::this_thread::yield();
      },
      &arrived);
  EXPECT_EQ(arrived, 3);
}

}  // namespace
}  // namespace tconv_test
