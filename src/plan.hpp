// Chooses how a layer is computed.
//
// Cost model, in cycles of one thread: each algorithm's estimate() counts what bounds its inner loop on a core with two vector
// multiply-adds, two loads and one store a cycle (register tiles: max of multiply-adds, loads, latency; copies and stores: vectors
// moved). The cheapest algorithm that supports the layer wins.
#pragma once

#include "arch/kernel_table.hpp"
#include "layer.hpp"

namespace tconv {

// `options` has the sizes of the caches. Fills algorithm, target, reason and candidates of `summary`.
// Errors: unsupported when options.algorithm cannot do the layer.
Status choose_algorithm(const Layer& layer, const arch::KernelTable& kernels, const Options& options, PlanSummary* summary);

}  // namespace tconv
