#include "support/parallel.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace tconv_test {

tconv::Parallelism ShuffledOrder::parallelism() {
  tconv::Parallelism p;
  p.parallel_for = parallel_for;
  p.context = this;
  p.threads = threads_;
  return p;
}

void ShuffledOrder::parallel_for(void* context, size_t count, void (*function)(void*, size_t), void* argument) {
  ShuffledOrder& self = *static_cast<ShuffledOrder*>(context);
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937_64(self.seed_ + self.calls_));
  ++self.calls_;
  for (size_t i : order) function(argument, i);
}

tconv::Parallelism RealThreads::parallelism() {
  tconv::Parallelism p;
  p.parallel_for = parallel_for;
  p.context = this;
  p.threads = threads_;
  return p;
}

void RealThreads::parallel_for(void* context, size_t count, void (*function)(void*, size_t), void* argument) {
  RealThreads& self = *static_cast<RealThreads*>(context);
  ++self.calls_;
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < self.threads_; ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < count; i = next++) function(argument, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tconv_test
