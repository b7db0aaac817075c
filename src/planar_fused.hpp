// Planar where the kernel is as long as the stride along x, but not on all axes (planar_tiles.hpp has those): the rows of T of a
// channel are the phases of its output row, finished and interleaved in registers, and T is never written.
#pragma once

#include "arch/kernel_table.hpp"
#include "layer.hpp"
#include "planar.hpp"

namespace tconv::planar {

// What run() does where plan.fused.
void run_fused(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

}  // namespace tconv::planar
