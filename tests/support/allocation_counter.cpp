#include "support/allocation_counter.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>

namespace tconv_test {
namespace {

// Constant-initialised: malloc is called before any constructor.
std::atomic<bool> counting{false};
std::atomic<int64_t> calls{0};
std::atomic<int64_t> frees{0};
std::atomic<int64_t> largest{0};
std::atomic<int64_t> failing{-1};
std::atomic<bool> failing_from_then_on{false};

// True when this call shall fail.
bool count(size_t bytes) {
  if (!counting.load(std::memory_order_relaxed)) return false;
  const int64_t number = calls.fetch_add(1);
  int64_t before = largest.load();
  while (static_cast<int64_t>(bytes) > before && !largest.compare_exchange_weak(before, static_cast<int64_t>(bytes))) {
  }
  const int64_t first = failing.load();
  return first >= 0 && (number == first || (failing_from_then_on.load() && number > first));
}

void count_free(const volatile void* pointer) {
  if (pointer != nullptr && counting.load(std::memory_order_relaxed)) ++frees;
}

}  // namespace
}  // namespace tconv_test

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, size_t),
                                                         void (*on_free)(const volatile void*));

namespace tconv_test {
namespace {

const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, size_t bytes) { static_cast<void>(count(bytes)); }, [](const volatile void* p) { count_free(p); });

}  // namespace
bool allocations_can_fail() { return installed < 0; }
}  // namespace tconv_test

#else

// The GNU C library's own functions, under the names that it keeps for replacements of malloc.
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* pointer, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* pointer);

void* malloc(size_t bytes) { return tconv_test::count(bytes) ? nullptr : __libc_malloc(bytes); }
void* calloc(size_t count, size_t bytes) { return tconv_test::count(count * bytes) ? nullptr : __libc_calloc(count, bytes); }
void* realloc(void* pointer, size_t bytes) {
  if (tconv_test::count(bytes)) return nullptr;
  tconv_test::count_free(pointer);
  return __libc_realloc(pointer, bytes);
}
void* memalign(size_t alignment, size_t bytes) { return tconv_test::count(bytes) ? nullptr : __libc_memalign(alignment, bytes); }
void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** pointer, size_t alignment, size_t bytes) {
  void* const result = memalign(alignment, bytes);
  if (result == nullptr) return ENOMEM;
  *pointer = result;
  return 0;
}
void free(void* pointer) {
  tconv_test::count_free(pointer);
  __libc_free(pointer);
}
}

namespace tconv_test {
bool allocations_can_fail() { return true; }
}  // namespace tconv_test

#endif

namespace tconv_test {

void start_counting_allocations() {
  calls = 0;
  frees = 0;
  largest = 0;
  counting = true;
}

Allocations stop_counting_allocations() {
  counting = false;
  return {calls, frees, largest};
}

bool every_allocation_is_counted() {
#if defined(__SANITIZE_THREAD__)
  return false;
#else
  return true;
#endif
}

void fail_allocation(int64_t number, bool lasting) {
  failing = number;
  failing_from_then_on = lasting;
}

}  // namespace tconv_test
