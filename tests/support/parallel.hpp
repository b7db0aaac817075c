// parallel_for callbacks for tests: a shuffled order on the calling thread, and real threads.
#pragma once

#include <atomic>
#include <cstdint>

#include "tconv/conv_transpose.hpp"

namespace tconv_test {

// Keep the object alive as long as the Parallelism is used.
class ShuffledOrder {
 public:
  ShuffledOrder(size_t threads, uint64_t seed) : threads_(threads), seed_(seed) {}
  tconv::Parallelism parallelism();
  size_t calls() const { return calls_; }

 private:
  static void parallel_for(void* context, size_t count, void (*function)(void*, size_t), void* argument);
  size_t threads_;
  uint64_t seed_;
  size_t calls_ = 0;
};

// Starts `threads` std::threads for every call.
class RealThreads {
 public:
  explicit RealThreads(size_t threads) : threads_(threads) {}
  tconv::Parallelism parallelism();
  size_t calls() const { return calls_; }

 private:
  static void parallel_for(void* context, size_t count, void (*function)(void*, size_t), void* argument);
  size_t threads_;
  std::atomic<size_t> calls_{0};
};

}  // namespace tconv_test
