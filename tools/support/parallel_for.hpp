// std::thread behind the library's parallel_for: the library itself starts no thread.
#pragma once

#include <memory>

#include "tconv/conv_transpose.hpp"

namespace tools {

// Keeps `threads - 1` threads waiting; the calling thread works too. One parallel_for at a time.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // To be handed to ConvTranspose::run; valid as long as the pool. With one thread it is the empty Parallelism.
  tconv::Parallelism parallelism();
  int threads() const { return threads_; }

 private:
  struct State;
  int threads_;
  std::unique_ptr<State> state_;
};

}  // namespace tools
