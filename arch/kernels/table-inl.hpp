// The kernel table of one target. A file in arch/targets/ defines TCONV_FILL_TABLE, TCONV_TABLE_TARGET and TCONV_TABLE_ACTIVATIONS,
// chooses HWY_TARGET, and includes this.
#include <hwy/highway.h>

#include <cstring>
#include <limits>
#include <type_traits>

#include "arch/cook_toom.hpp"
#include "arch/kernel_table.hpp"

HWY_BEFORE_NAMESPACE();
#include "arch/kernels/common-inl.hpp"
#include "arch/kernels/rows-inl.hpp"
// Families that TCONV_ALGORITHMS leaves out (src/CMakeLists.txt) are not even seen.
#if !TCONV_WITHOUT_DEPTHWISE
#include "arch/kernels/depthwise_outputs-inl.hpp"
#include "arch/kernels/depthwise_pairs-inl.hpp"
#include "arch/kernels/depthwise_runs-inl.hpp"
// After what it chooses from.
#include "arch/kernels/depthwise-inl.hpp"
#include "arch/kernels/depthwise_planes-inl.hpp"
#include "arch/kernels/depthwise_spread-inl.hpp"
#endif
// Those that multiply with the kernels of window GEMM, or finish their sums with them.
#define TCONV_WITH_GEMM \
  (!TCONV_WITHOUT_WINDOW_GEMM || !TCONV_WITHOUT_SMALL_IMAGE || !TCONV_WITHOUT_WINOGRAD || !TCONV_WITHOUT_STRASSEN)
#if TCONV_WITH_GEMM
#include "arch/kernels/gemm-inl.hpp"
// Keeps clang-format from sorting: the strips are made of the tiles.
#include "arch/kernels/gemm_strips-inl.hpp"
#endif
#if !TCONV_WITHOUT_PLANAR || !TCONV_WITHOUT_PLANAR_WINOGRAD
#include "arch/kernels/overlap-inl.hpp"
#include "arch/kernels/planar_steps-inl.hpp"
// After the steps, of which it makes tiles.
#include "arch/kernels/planar-inl.hpp"
// After the planar kernels, whose sums it finishes.
#include "arch/kernels/periods-inl.hpp"
#include "arch/kernels/planar_copies-inl.hpp"
#include "arch/kernels/planar_sums-inl.hpp"
#endif
#if !TCONV_WITHOUT_SMALL_IMAGE
#include "arch/kernels/small_image-inl.hpp"
#endif
#if !TCONV_WITHOUT_STRASSEN
#include "arch/kernels/strassen-inl.hpp"
#endif
#if !TCONV_WITHOUT_WINOGRAD || !TCONV_WITHOUT_PLANAR_WINOGRAD
#include "arch/kernels/winograd-inl.hpp"
#endif
#if !TCONV_WITHOUT_PLANAR_WINOGRAD
// After the transforms, and the transposition of planar.
#include "arch/kernels/winograd_pixels-inl.hpp"
#endif

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

#if TCONV_WITH_GEMM
template <size_t NV>
void FillGemm(KernelTable* table) {
  if constexpr (NV > 0) {
    if constexpr (kGemmRows[NV - 1] != 0) {
      table->gemm[NV - 1] = GemmColumns<NV>;
      table->gemm_tile_rows[NV - 1] = kGemmRows[NV - 1];
    }
    FillGemm<NV - 1>(table);
  }
}
#endif

}  // namespace
}  // namespace HWY_NAMESPACE

void TCONV_FILL_TABLE(KernelTable* table) {
  using namespace HWY_NAMESPACE;  // NOLINT: the kernels of this target alone
  *table = {};
  table->target = TCONV_TABLE_TARGET;
  table->lanes = kLanes;
#if TCONV_WITH_GEMM
  FillGemm<KernelTable::max_vectors>(table);
  table->gemm_asks = kGemmAsks;
#endif
#if !TCONV_WITHOUT_PLANAR || !TCONV_WITHOUT_PLANAR_WINOGRAD
  FillPlanar<kPlanarRows>(table);
  table->planar_rows = kPlanarRows;
  table->planar_vectors = kPlanarVectors;
  table->planar_half_rows = kPlanarHalfRows;
  table->overlap = Overlap;
  table->periods = Periods;
  table->sums = Sums;
  table->copy_blocks = CopyBlocks;
  table->pixel_blocks = PixelBlocks;
  table->pixel_planes = PixelPlanes;
  table->pad_rows = PadRows;
#endif
#if !TCONV_WITHOUT_DEPTHWISE
  table->depthwise = DepthwiseChannels;
  table->depthwise_planes = DepthwisePlanes;
  table->depthwise_spread = DepthwiseSpreadPixels;
  table->depthwise_copy = DepthwiseCopyRows;
#endif
#if !TCONV_WITHOUT_WINOGRAD || !TCONV_WITHOUT_PLANAR_WINOGRAD
  FillWinograd<max_points>(table);
#endif
#if !TCONV_WITHOUT_STRASSEN
  table->strassen_input = StrassenFactors;
  table->strassen_output = StrassenSums;
#endif
#if !TCONV_WITHOUT_PLANAR_WINOGRAD
  FillWinogradPixels<max_points>(table);
#endif
#if !TCONV_WITHOUT_SMALL_IMAGE
  FillPixels<KernelTable::max_vectors>(table);
#endif
  table->transpose = Transpose;
  table->row_epilogue = ApplyRowEpilogue;
  table->row_residual = AddRowResidual;
  table->activations = TCONV_TABLE_ACTIVATIONS();
}

}  // namespace tconv::arch
HWY_AFTER_NAMESPACE();
