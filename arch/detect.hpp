// What the CPU and the operating system can run, and how large the data caches are.
#pragma once

#include "tconv/targets.hpp"

namespace tconv::arch {

bool cpu_supports(Target target);
CacheSizes data_cache_sizes();

// Extensions of NEON beyond the target `neon`, for kernels of other data types. All false on other CPUs.
struct ArmFeatures {
  bool half_arithmetic;  // FEAT_FP16: f16 multiply-adds, eight a vector (asimdhp and, for scalars, fphp)
  bool dot_product;      // FEAT_DotProd: sums of four int8 products (asimddp)
};
ArmFeatures arm_features();

}  // namespace tconv::arch
