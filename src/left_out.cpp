// Stands in for the algorithms that TCONV_ALGORITHMS leaves out of this build: they support no layer, so nothing else is ever
// called.
#include "depthwise.hpp"
#include "planar.hpp"
#include "window_gemm.hpp"

namespace tconv {

#if TCONV_WITHOUT_WINDOW_GEMM
namespace window_gemm {
bool supports(const Layer&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const CacheSizes&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const CacheSizes&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const CacheSizes&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}
}  // namespace window_gemm
#endif

#if TCONV_WITHOUT_PLANAR
namespace planar {
bool supports(const Layer&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const CacheSizes&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const CacheSizes&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const CacheSizes&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}
}  // namespace planar
#endif

#if TCONV_WITHOUT_DEPTHWISE
namespace depthwise {
bool supports(const Layer&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const CacheSizes&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const CacheSizes&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const CacheSizes&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}
}  // namespace depthwise
#endif

}  // namespace tconv
