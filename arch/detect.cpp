#include "arch/detect.hpp"

#include <unistd.h>

namespace tconv::arch {

bool cpu_supports(Target target) {
  switch (target) {
    case Target::scalar:
      return true;
#if defined(__x86_64__) || defined(__i386__)
    // __builtin_cpu_supports() reports AVX and AVX-512 only when the operating system saves their registers (XCR0).
    case Target::sse4:
      return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3");
    case Target::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
             __builtin_cpu_supports("bmi2");
    case Target::avx512:
      return cpu_supports(Target::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#elif defined(__aarch64__)
    case Target::neon:
      return true;  // mandatory there
#endif
    default:
      return false;
  }
}

CacheSizes data_cache_sizes() {
  const auto size = [](int name, size_t otherwise) {
    const long bytes = sysconf(name);
    return bytes > 0 ? static_cast<size_t>(bytes) : otherwise;
  };
  return {size(_SC_LEVEL1_DCACHE_SIZE, 32u << 10), size(_SC_LEVEL2_CACHE_SIZE, 512u << 10), size(_SC_LEVEL3_CACHE_SIZE, 1)};
}

}  // namespace tconv::arch
