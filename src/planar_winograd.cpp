#include "planar_winograd.hpp"

namespace tconv::planar_winograd {

bool supports(const Layer&, const Options&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const Options&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const Options&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const Options&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}

}  // namespace tconv::planar_winograd
