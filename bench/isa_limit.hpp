// Makes this CPU look older to the libraries that ask it, so that peers without a switch of their own can be compared at AVX2 or
// SSE4 on a machine that has more.
#pragma once

#include "tconv/targets.hpp"

namespace tconv::bench {

// From here on, in this thread and those that it starts, the CPUID instruction does not show what lies beyond `target` (avx2:
// AVX-512 and AMX are hidden; sse4 and scalar: AVX, FMA and later too). Uses CPUID faulting (Linux arch_prctl(ARCH_SET_CPUID)),
// which most Intel servers offer, also to virtual machines. False where it is not available: nothing has changed then.
bool hide_instructions_beyond(Target target);

// What CPUID shows this thread now: 512 with AVX-512, 256 with AVX2, else 128; 0 where there is no CPUID.
int visible_vector_bits();

}  // namespace tconv::bench
