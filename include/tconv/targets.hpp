// Instruction sets: which are compiled in, which this CPU (and operating system) can run, which is chosen.
#pragma once

#include <cstddef>

#include "tconv/types.hpp"

namespace tconv {

enum class Target : uint8_t { automatic, scalar, sse4, avx2, avx512, neon };

constexpr Target all_targets[] = {Target::scalar, Target::sse4, Target::avx2, Target::avx512, Target::neon};

// "auto", "scalar", "sse4", "avx2", "avx512", "neon".
const char* target_name(Target target);
// Inverse of target_name. False when the name is unknown.
bool target_from_name(const char* name, Target* target);
// In this build of the library.
bool target_compiled(Target target);
// Compiled in, and the CPU and the operating system (saved register state) can run it.
bool target_supported(Target target);
// Resolves `automatic` to the environment variable TCONV_TARGET when it is set, else to the best supported target.
// Errors: unsupported / invalid_argument naming the target.
Status choose_target(Target wanted, Target* chosen);

// Data-cache sizes in bytes that plans reason with.
struct CacheSizes {
  size_t l1 = 0;  // 0 = detect
  size_t l2 = 0;
  size_t l3 = 0;  // this core's share is not known; the whole size. 1 = there is none
};
CacheSizes detect_cache_sizes();

}  // namespace tconv
