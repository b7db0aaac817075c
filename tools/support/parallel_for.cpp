#include "tools/support/parallel_for.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace tools {

// Every parallel_for is one generation: the workers wake, take indices from `next` until none is left, and report back.
struct ThreadPool::State {
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable done;
  uint64_t generation = 0;
  int busy = 0;
  bool stop = false;

  std::atomic<size_t> next{0};
  size_t count = 0;
  void (*function)(void*, size_t) = nullptr;
  void* argument = nullptr;

  void take_indices() {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) function(argument, i);
  }

  void work() {
    uint64_t seen = 0;
    for (;;) {
      {
        std::unique_lock<std::mutex> lock(mutex);
        wake.wait(lock, [&] { return stop || generation != seen; });
        if (stop) return;
        seen = generation;
      }
      take_indices();
      std::lock_guard<std::mutex> lock(mutex);
      if (--busy == 0) done.notify_one();
    }
  }

  void run(size_t n, void (*f)(void*, size_t), void* a) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      next = 0;
      count = n;
      function = f;
      argument = a;
      busy = static_cast<int>(workers.size());
      ++generation;
    }
    wake.notify_all();
    take_indices();
    std::unique_lock<std::mutex> lock(mutex);
    done.wait(lock, [&] { return busy == 0; });
  }
};

ThreadPool::ThreadPool(int threads) : threads_(threads), state_(std::make_unique<State>()) {
  for (int i = 1; i < threads; ++i) state_->workers.emplace_back([this] { state_->work(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

tconv::Parallelism ThreadPool::parallelism() {
  tconv::Parallelism p;
  if (threads_ < 2) return p;
  p.parallel_for = [](void* context, size_t count, void (*function)(void*, size_t), void* argument) {
    static_cast<State*>(context)->run(count, function, argument);
  };
  p.context = state_.get();
  p.threads = static_cast<size_t>(threads_);
  return p;
}

}  // namespace tools
