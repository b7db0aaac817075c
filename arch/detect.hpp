// What the CPU and the operating system can run, and how large the data caches are.
#pragma once

#include "tconv/targets.hpp"

namespace tconv::arch {

bool cpu_supports(Target target);
CacheSizes data_cache_sizes();

}  // namespace tconv::arch
