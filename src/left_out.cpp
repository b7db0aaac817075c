// Stands in for the algorithms that TCONV_ALGORITHMS leaves out of this build: they support no layer, so nothing else is ever
// called.
#include "depthwise.hpp"
#include "planar.hpp"
#include "planar_winograd.hpp"
#include "small_image.hpp"
#include "window_gemm.hpp"
#include "winograd.hpp"

namespace tconv {

#if TCONV_WITHOUT_WINDOW_GEMM
namespace window_gemm {
bool supports(const Layer&, const Options&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const Options&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const Options&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const Options&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}
}  // namespace window_gemm
#endif

#if TCONV_WITHOUT_PLANAR
namespace planar {
bool supports(const Layer&, const Options&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const Options&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const Options&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const Options&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}
}  // namespace planar
#endif

#if TCONV_WITHOUT_DEPTHWISE
namespace depthwise {
bool supports(const Layer&, const Options&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const Options&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const Options&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const Options&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}
}  // namespace depthwise
#endif

#if TCONV_WITHOUT_SMALL_IMAGE
namespace small_image {
bool supports(const Layer&, const Options&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const Options&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const Options&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const Options&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}
}  // namespace small_image
#endif

#if TCONV_WITHOUT_WINOGRAD
namespace winograd {
bool supports(const Layer&, const Options&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const Options&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const Options&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const Options&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}
void describe(const Plan&, char*, size_t) {}
}  // namespace winograd
#endif

#if TCONV_WITHOUT_PLANAR_WINOGRAD
namespace planar_winograd {
bool supports(const Layer&, const Options&) { return false; }
double estimate(const Layer&, const arch::KernelTable&, const Options&) { return 0; }
Status create(const Layer&, const arch::KernelTable&, const Options&, const float*, const float*, Plan*) { return {}; }
Status reshape(const Layer&, const arch::KernelTable&, const Options&, Plan*) { return {}; }
size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan&) { return 0; }
size_t packed_bytes(const Plan&) { return 0; }
void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}
void describe(const Plan&, char*, size_t) {}
}  // namespace planar_winograd
#endif

}  // namespace tconv
