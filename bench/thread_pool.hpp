// The threads of a caller: a fixed pool behind tconv::Parallelism.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "tconv/conv_transpose.hpp"

namespace tconv::bench {

class ThreadPool {
 public:
  // The calling thread works too, so threads - 1 are started; 1 starts none.
  explicit ThreadPool(size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  Parallelism parallelism();

 private:
  using Function = void (*)(void*, size_t);
  static void parallel_for(void* context, size_t count, Function function, void* argument);
  void work();
  void serve();

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<size_t> next_{0}, busy_{0};
  size_t count_ = 0;
  Function function_ = nullptr;
  void* argument_ = nullptr;
  std::atomic<bool> stop_{false};
};

}  // namespace tconv::bench
