// Stands in for the algorithms that TCONV_ALGORITHMS leaves out of this build: they support no layer, so nothing else is ever
// called.
#include "depthwise.hpp"
#include "planar.hpp"
#include "planar_winograd.hpp"
#include "small_image.hpp"
#include "strassen.hpp"
#include "window_gemm.hpp"
#include "winograd.hpp"

#define TCONV_LEAVE_OUT(algorithm)                                                                                        \
  namespace tconv::algorithm {                                                                                            \
  bool supports(const Layer&, const Options&) { return false; }                                                           \
  double estimate(const Layer&, const arch::KernelTable&, const Options&) { return 0; }                                   \
  Status create(const Layer&, const arch::KernelTable&, const Options&, const float*, const float*, Plan*) { return {}; } \
  Status reshape(const Layer&, const arch::KernelTable&, const Options&, Plan*) { return {}; }                            \
  size_t workspace_bytes(const Layer&, const arch::KernelTable&, const Plan&) { return 0; }                               \
  size_t packed_bytes(const Plan&) { return 0; }                                                                          \
  void run(const Layer&, const arch::KernelTable&, const Plan&, const RunArguments&) {}                                   \
  }

#if TCONV_WITHOUT_WINDOW_GEMM
TCONV_LEAVE_OUT(window_gemm)
#endif
#if TCONV_WITHOUT_PLANAR
TCONV_LEAVE_OUT(planar)
#endif
#if TCONV_WITHOUT_DEPTHWISE
TCONV_LEAVE_OUT(depthwise)
#endif
#if TCONV_WITHOUT_SMALL_IMAGE
TCONV_LEAVE_OUT(small_image)
#endif
#if TCONV_WITHOUT_STRASSEN
TCONV_LEAVE_OUT(strassen)
#endif
#if TCONV_WITHOUT_WINOGRAD
TCONV_LEAVE_OUT(winograd)
namespace tconv::winograd {
void describe(const Plan&, char*, size_t) {}
}  // namespace tconv::winograd
#endif
#if TCONV_WITHOUT_PLANAR_WINOGRAD
TCONV_LEAVE_OUT(planar_winograd)
namespace tconv::planar_winograd {
void describe(const Plan&, char*, size_t) {}
}  // namespace tconv::planar_winograd
#endif
