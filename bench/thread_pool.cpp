#include "bench/thread_pool.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tconv::bench {
namespace {
void relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}
// About 20 us of spinning before a worker sleeps, so that the gaps between two runs of a benchmark loop cost no wake-up, as in
// the pools of the peers.
constexpr int spins = 2000;
}  // namespace

ThreadPool::ThreadPool(size_t threads) {
  for (size_t i = 1; i < threads; ++i) workers_.emplace_back([this] { serve(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    ++generation_;
  }
  wake_.notify_all();
  for (std::thread& w : workers_) w.join();
}

Parallelism ThreadPool::parallelism() {
  Parallelism p;
  if (workers_.empty()) return p;
  p.parallel_for = &ThreadPool::parallel_for;
  p.context = this;
  p.threads = workers_.size() + 1;
  return p;
}

void ThreadPool::work() {
  for (size_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) function_(argument_, i);
}

void ThreadPool::serve() {
  uint64_t seen = 0;
  for (;;) {
    for (int i = 0; i < spins && generation_.load(std::memory_order_acquire) == seen; ++i) relax();
    if (generation_.load(std::memory_order_acquire) == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load() != seen; });
    }
    seen = generation_.load(std::memory_order_acquire);
    if (stop_) return;
    work();
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

void ThreadPool::parallel_for(void* context, size_t count, Function function, void* argument) {
  auto* pool = static_cast<ThreadPool*>(context);
  if (count <= 1) {
    if (count == 1) function(argument, 0);
    return;
  }
  {
    const std::lock_guard<std::mutex> lock(pool->mutex_);
    pool->count_ = count;
    pool->function_ = function;
    pool->argument_ = argument;
    pool->next_.store(0);
    pool->busy_.store(pool->workers_.size());
    pool->generation_.fetch_add(1, std::memory_order_release);
  }
  pool->wake_.notify_all();
  pool->work();
  while (pool->busy_.load(std::memory_order_acquire) != 0) relax();
}

}  // namespace tconv::bench
