// Counts every call of malloc and its kin in this program, and can make one of them fail.
// allocation_counter.cpp replaces the C library's functions: add it to the sources of the test that wants it.
#pragma once

#include <cstdint>

namespace tconv_test {

struct Allocations {
  int64_t calls = 0;    // malloc, calloc, realloc, aligned_alloc, posix_memalign, memalign; operator new comes through malloc
  int64_t frees = 0;    // of pointers other than null
  int64_t largest = 0;  // bytes of the largest one
};

// Starts counting, on all threads.
void start_counting_allocations();
// Stops, and says what happened in between.
Allocations stop_counting_allocations();

// While counting, the call with this number (from 0), or it and all later ones, returns null; -1: none.
void fail_allocation(int64_t number, bool lasting = false);
// False under sanitizers, which own malloc: calls are counted through their hooks, but none can be made to fail.
bool allocations_can_fail();
// False under the thread sanitizer, whose hooks do not see aligned_alloc: calls and frees do not match there.
bool every_allocation_is_counted();

}  // namespace tconv_test
