// LD_PRELOAD=libtconv_isa_limit.so TCONV_BENCH_ISA=avx2 PROGRAM: hide_instructions_beyond() before any other library of the program
// starts (the object is linked with -z initfirst; even the C library has not set `environ` then, hence the parameters). For peers
// that run in a Python interpreter.
#include <cstring>

#include "bench/isa_limit.hpp"

// For the worker: the loader ignores a preload that it cannot open, so a process must look before it calls itself limited.
extern "C" __attribute__((visibility("default"))) int tconv_bench_visible_vector_bits() {
  return tconv::bench::visible_vector_bits();
}

__attribute__((constructor)) static void limit(int, char**, char** environment) {
  constexpr const char* key = "TCONV_BENCH_ISA=";
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, key, std::strlen(key)) != 0) continue;
    const char* value = *environment + std::strlen(key);
    if (std::strcmp(value, "avx2") == 0) tconv::bench::hide_instructions_beyond(tconv::Target::avx2);
    if (std::strcmp(value, "sse4") == 0) tconv::bench::hide_instructions_beyond(tconv::Target::sse4);
    if (std::strcmp(value, "scalar") == 0) tconv::bench::hide_instructions_beyond(tconv::Target::scalar);
  }
}
