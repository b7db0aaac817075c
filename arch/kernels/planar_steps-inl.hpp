// The sums of planar kernels: a block of rows (taps of x times output channels) of broadcast weights times vectors along x, step by
// step. Per channel and segment: kPlanarVectors loads of x, one broadcast per row (AArch64: one load per four rows).

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 12;
#elif HWY_TARGET == HWY_AVX2
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 6;
#elif HWY_TARGET == HWY_SSE4
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 6;
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 12;
#elif HWY_TARGET == HWY_NEON  // ARMv7
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 5;
#else
constexpr size_t kPlanarVectors = 2;
constexpr size_t kPlanarRows = 4;
#endif

#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
template <size_t kRows, size_t NV, size_t kRow>
HWY_INLINE void PlanarRowsByLane(const V* weights, const V* column, V (&acc)[kRows][NV]) {
  if constexpr (kRow < kRows) {
    constexpr size_t kLoad = kRow / 4;
    const V broadcast = hn::Broadcast<kRow - HWY_MIN(4 * kLoad, kRows - 4)>(weights[kLoad]);
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) acc[kRow][v] = hn::MulAdd(broadcast, column[v], acc[kRow][v]);
    PlanarRowsByLane<kRows, NV, kRow + 1>(weights, column, acc);
  }
}
#endif

// acc[m][v] += w[m] * x[v], for one channel. The vectors are those of a block from kFirst on, and of the next one. kCopy: they are
// stored to `to` as well.
template <size_t kRows, size_t NV, size_t kFirst, bool kCopy>
HWY_INLINE void PlanarStep(const float* HWY_RESTRICT x, ptrdiff_t block_stride, const float* HWY_RESTRICT w, float* to,
                           ptrdiff_t to_block, V (&acc)[kRows][NV]) {
  const D d;
  V column[NV];
#pragma GCC unroll 4
  for (size_t v = 0; v < NV; ++v) {
    const ptrdiff_t block = static_cast<ptrdiff_t>((kFirst + v) / kPlanarVectors);
    const size_t at = (kFirst + v) % kPlanarVectors * kLanes;
    column[v] = hn::LoadU(d, x + block * block_stride + at);
    if (kCopy) hn::StoreU(column[v], d, to + block * to_block + at);
  }
#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
  // Four weights a load, multiplied by lane. The last load overlaps the one before when the rows are no multiple of four.
  if constexpr (kRows >= 4) {
    constexpr size_t kLoads = (kRows + 3) / 4;
    V weights[kLoads];
#pragma GCC unroll 4
    for (size_t i = 0; i < kLoads; ++i) weights[i] = hn::LoadU(d, w + HWY_MIN(4 * i, kRows - 4));
    PlanarRowsByLane<kRows, NV, 0>(weights, column, acc);
    return;
  }
#endif
#pragma GCC unroll 16
  for (size_t m = 0; m < kRows; ++m) {
    const V broadcast = LoadBroadcast(w + m);
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) Accumulate(acc[m][v], broadcast, column[v]);
  }
}

// The same for one channel of a few rows of several blocks: their weights stay in registers and the vectors pass by, one at a time.
// Block by block, GCC would keep the weights, too, beside all vectors of a block, for which there are no registers.
template <size_t kRows, size_t NV, size_t kBlocks, size_t kPointers>
HWY_INLINE void PlanarStepOfFew(const float* HWY_RESTRICT const (&x)[kPointers], ptrdiff_t at, const float* HWY_RESTRICT w,
                                V (&acc)[kBlocks][kRows][NV]) {
  const D d;
  V broadcast[kRows];
#pragma GCC unroll 16
  for (size_t m = 0; m < kRows; ++m) broadcast[m] = LoadBroadcast(w + m);
#pragma GCC unroll 4
  for (size_t b = 0; b < kBlocks; ++b) {
    const float* const from = kPointers == 1 ? x[0] + at + b * kPlanarVectors * kLanes : x[b] + at;
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) {
      const V column = hn::LoadU(d, from + v * kLanes);
#pragma GCC unroll 16
      for (size_t m = 0; m < kRows; ++m) Accumulate(acc[b][m][v], broadcast[m], column);
    }
  }
}

constexpr size_t kPlanarAccumulators = HWY_TARGET == HWY_AVX3 || (HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64) ? 24 : 12;

// How many neighbouring blocks are done at once: a few rows alone would leave the multiply-adds waiting for each other.
constexpr size_t planar_blocks(size_t rows) {
  const size_t most = kPlanarAccumulators / (rows * kPlanarVectors);
  return most < 1 ? 1 : most > 4 ? 4 : most;
}

// So many rows go by in tiles of a block and a half: a block alone has too few accumulators to be at work all the time, two have
// too many. Only where products need no register of their own.
constexpr size_t kPlanarHalfRows = HWY_TARGET == HWY_AVX2 ? 4 : 0;
// Several channels a turn: what counts and adds takes its share of the ports that multiply.
constexpr bool kPlanarTurns = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

// What is asked for while a sum is made, a cache line per channel: with the first segment what belongs to the first block, with the
// second what belongs to the second.
struct PlanarFetch {
  const float* first;  // nullptr: nothing
  ptrdiff_t channel;
  ptrdiff_t block;
  bool next;  // where it is nothing: the next blocks?
};

// Where X is copied while a sum is made, block by block.
struct PlanarCopy {
  float* to;
  ptrdiff_t block;
};

// p += n, one addition where it stands: GCC would rather begin every tile with the products of a distance that its turns need, and
// with where they end.
HWY_INLINE void Bump(const float* HWY_RESTRICT& p, ptrdiff_t n) {
  p += n;
#if HWY_ARCH_X86 && HWY_COMPILER_GCC_ACTUAL
  asm("" : "+r"(p));
#endif
}

// One channel, `at` from the pointers to blocks on (or from the one to the first of them); copied to `to` meanwhile.
template <size_t kRows, size_t NV, size_t kBlocks, size_t kFirst, bool kCopy, bool kFew, size_t kPointers>
HWY_INLINE void PlanarChannel(const float* HWY_RESTRICT const (&x)[kPointers], ptrdiff_t at, ptrdiff_t block_stride, const float* w,
                              float* to, ptrdiff_t to_block, V (&acc)[kBlocks][kRows][NV]) {
  if constexpr (kFew) {
    PlanarStepOfFew<kRows, NV, kBlocks>(x, at, w, acc);
  } else {
#pragma GCC unroll 4
    for (size_t b = 0; b < kBlocks; ++b) {
      const float* const from = x[0] + at + static_cast<ptrdiff_t>(b) * block_stride;
      PlanarStep<kRows, NV, kFirst, kCopy>(from, block_stride, w, kCopy ? to + static_cast<ptrdiff_t>(b) * to_block : nullptr,
                                           to_block, acc[b]);
    }
  }
}

// acc[b][m][v] += the sum over segments and channels of w[m] * x[b][v]. kCopy: of one segment. kDense: channels lie beside each
// other, block by block; else blocks do, channel by channel. Either way one of the distances is known and needs no registers.
// kFetch: `fetch` may be something.
template <size_t kRows, size_t NV, size_t kBlocks, size_t kFirst, bool kCopy, bool kDense, bool kFetch>
HWY_INLINE void PlanarSum(const PlanarSegment* segment, size_t segments, size_t channels, ptrdiff_t any_channel_stride,
                          ptrdiff_t any_block_stride, size_t block, PlanarFetch fetch, PlanarCopy copy,
                          V (&acc)[kBlocks][kRows][NV]) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  constexpr bool kFew = kPlanarTurns && kBlocks > 1 && !kCopy;
  constexpr size_t kPointers = kFew && kDense ? kBlocks : 1;
  const ptrdiff_t channel_stride = kDense ? static_cast<ptrdiff_t>(kBlock) : any_channel_stride;
  const ptrdiff_t block_stride = kDense || !kPlanarTurns ? any_block_stride : static_cast<ptrdiff_t>(kBlock);
  float* to = kCopy ? copy.to + static_cast<ptrdiff_t>(block) * copy.block : nullptr;
#if HWY_ARCH_X86
  // The next blocks, which may lie in L2. No more than 2 KiB of what lies in order.
  constexpr ptrdiff_t kAhead = NV > kPlanarVectors ? 3 : kBlocks;
  const ptrdiff_t ahead = fetch.next ? HWY_MIN(kAhead * block_stride, ptrdiff_t{512}) : 0;
  const PlanarSegment* const first = segment;
#else
  static_cast<void>(fetch);
#endif
  for (const PlanarSegment* const end = segment + segments; segment != end; ++segment) {
    const float* HWY_RESTRICT x = segment->x + static_cast<ptrdiff_t>(block) * block_stride;
    const float* HWY_RESTRICT w = segment->w;
    const float* HWY_RESTRICT of_block[kPointers];
#pragma GCC unroll 4
    for (size_t b = 0; b < kPointers; ++b) of_block[b] = x + static_cast<ptrdiff_t>(b) * block_stride;
#if HWY_ARCH_X86
    const bool far = kFetch && fetch.first != nullptr && segment < first + kBlocks;
    const float* HWY_RESTRICT next =
        far ? fetch.first + (segment - first + static_cast<ptrdiff_t>(block)) * fetch.block : x + ahead;
    const ptrdiff_t next_stride = far ? fetch.channel : channel_stride;
#endif
    size_t left = channels;
#if HWY_ARCH_X86
    // A few channels a turn; one where there is hardly a register left beside its weights.
    constexpr ptrdiff_t kTurn = kFew && !kDense && kRows * NV * kBlocks + kRows > 28 ? 1 : kRows * NV * kBlocks > 12 ? 2 : 4;
    for (; kPlanarTurns && left >= kTurn; left -= kTurn) {
#pragma GCC unroll 4
      for (ptrdiff_t i = 0; i < kTurn; ++i) {
        constexpr ptrdiff_t kDistance = static_cast<ptrdiff_t>(kBlock);
        __builtin_prefetch(next);
        // Of two tiles of a block and a half, the second asks for two blocks of three.
        if (kFirst != 0 && !kFetch) __builtin_prefetch(next + block_stride);
        PlanarChannel<kRows, NV, kBlocks, kFirst, kCopy, kFew>(of_block, kDense ? i * kDistance : 0, block_stride, w + i * kRows,
                                                               kCopy ? to + i * kBlock : nullptr, copy.block, acc);
        if (!kDense) Bump(of_block[0], channel_stride);
        Bump(next, next_stride);
      }
#pragma GCC unroll 4
      for (size_t b = 0; kDense && b < kPointers; ++b) Bump(of_block[b], kTurn * kBlock);
      Bump(w, kTurn * kRows);
      if (kCopy) to += kTurn * kBlock;
    }
#endif
    for (; left != 0; --left) {
#if HWY_ARCH_X86
      __builtin_prefetch(next);
      Bump(next, next_stride);
#endif
      PlanarChannel<kRows, NV, kBlocks, kFirst, kCopy, kFew>(of_block, 0, block_stride, w, to, copy.block, acc);
#pragma GCC unroll 4
      for (size_t b = 0; b < kPointers; ++b) Bump(of_block[b], channel_stride);
      Bump(w, kRows);
      if (kCopy) to += kBlock;
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
