// Spreads tasks over the caller's threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tconv/conv_transpose.hpp"

namespace tconv {

// Calls task(index, slot) once for each index in [0, count). `slot` < parallelism.threads is not shared by two calls at a time: it
// chooses a part of the workspace. Threads take the next task when they have finished one.
template <typename Task>
void run_tasks(const Parallelism& parallelism, int64_t count, const Task& task) {
  if (parallelism.parallel_for == nullptr || parallelism.threads <= 1 || count <= 1) {
    for (int64_t i = 0; i < count; ++i) task(i, size_t{0});
    return;
  }
  struct Shared {
    const Task* task;
    int64_t count;
    std::atomic<int64_t> next;
  } shared{&task, count, {0}};
  const size_t slots = static_cast<uint64_t>(count) < parallelism.threads ? static_cast<size_t>(count) : parallelism.threads;
  parallelism.parallel_for(
      parallelism.context, slots,
      [](void* argument, size_t slot) {
        Shared& s = *static_cast<Shared*>(argument);
        for (int64_t i = s.next.fetch_add(1, std::memory_order_relaxed); i < s.count;
             i = s.next.fetch_add(1, std::memory_order_relaxed)) {
          (*s.task)(i, slot);
        }
      },
      &shared);
}

}  // namespace tconv
