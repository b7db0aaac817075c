// planar_rows: a block of rows (taps of x times output channels) of broadcast weights times vectors along x.
//
// Per channel and segment: kPlanarVectors loads of x, one broadcast per row (AArch64: one load per four rows). X is scratch with
// room for whole vectors, so no tail; where one vector is enough for the last columns, only that one is computed.

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

template <size_t kRows, bool kDense, size_t NV, size_t kBlocks, size_t kFirst = 0>
HWY_INLINE void PlanarColumns(const PlanarTile& tile, size_t block, float* t) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  const D d;
  V acc[kBlocks][kRows][NV];
#pragma GCC unroll 4
  for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 16
    for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) acc[b][m][v] = hn::Zero(d);
    }
  }
  PlanarSum<kRows, NV, kBlocks, kFirst, false, kDense, true>(tile.segment, tile.segments, tile.channels, tile.channel_stride,
                                                             tile.block_stride, block,
                                                             {tile.fetch, tile.fetch_channel, tile.fetch_block, true}, {}, acc);
#pragma GCC unroll 4
  for (size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 16
    for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) {
        hn::StoreU(acc[b][m][v], d, t + static_cast<ptrdiff_t>(m) * tile.t_stride + b * kBlock + v * kLanes);
      }
    }
  }
}

// Tiles of kBlocks blocks, then smaller ones for the blocks that are left: one block alone has the fewest accumulators.
template <size_t kRows, bool kDense, size_t kBlocks>
HWY_INLINE void PlanarWholeBlocks(const PlanarTile& tile, size_t& begin, size_t& block) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  if constexpr (kBlocks > 1) {
    for (;;) {
      const size_t left = (tile.count - begin) / kBlock;
      if (left < kBlocks || (kBlocks == 3 && left == 4)) break;  // 4 = 2 + 2
      PlanarColumns<kRows, kDense, kPlanarVectors, kBlocks>(tile, block, tile.t + begin);
      begin += kBlocks * kBlock;
      block += kBlocks;
    }
    PlanarWholeBlocks<kRows, kDense, kBlocks - 1>(tile, begin, block);
  }
}

template <size_t kRows, bool kDense>
HWY_NOINLINE void PlanarBlocks(const PlanarTile& tile) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  size_t begin = 0;
  size_t block = 0;
  PlanarWholeBlocks<kRows, kDense, planar_blocks(kRows)>(tile, begin, block);
  if constexpr (kRows == kPlanarHalfRows) {
    constexpr size_t kVectors = kPlanarVectors + 1;
    for (; begin + 2 * kVectors * kLanes <= tile.count; begin += 2 * kVectors * kLanes, block += kVectors) {
      PlanarColumns<kRows, kDense, kVectors, 1, 0>(tile, block, tile.t + begin);
      PlanarColumns<kRows, kDense, kVectors, 1, 1>(tile, block + 1, tile.t + begin + kVectors * kLanes);
    }
  }
  for (; begin + kLanes < tile.count; begin += kBlock, ++block)
    PlanarColumns<kRows, kDense, kPlanarVectors, 1>(tile, block, tile.t + begin);
  if (begin < tile.count) PlanarColumns<kRows, kDense, 1, 1>(tile, block, tile.t + begin);
}

template <size_t kRows>
void PlanarBlock(const PlanarTile& tile) {
  // On others, kernels that know neither distance do both.
  if constexpr (kPlanarTurns) {
    if (tile.channel_stride == static_cast<ptrdiff_t>(kPlanarVectors * kLanes)) return PlanarBlocks<kRows, true>(tile);
  }
  PlanarBlocks<kRows, false>(tile);
}

void CopyBlocks(const float* from, size_t count, float* to, ptrdiff_t block_stride) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  const D d;
  for (; count >= kBlock; count -= kBlock, from += kBlock, to += block_stride) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kPlanarVectors; ++v) hn::StoreU(hn::LoadU(d, from + v * kLanes), d, to + v * kLanes);
  }
  if (count == 0) return;
#pragma GCC unroll 4
  for (size_t v = 0; v < kPlanarVectors; ++v) hn::StoreU(LoadColumns(from, v, count), d, to + v * kLanes);
}

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
// Four channels of a block of pixels, `stride` apart, as rows `to_stride` apart.
HWY_INLINE void FourChannels(const float* from, ptrdiff_t stride, float* to, ptrdiff_t to_stride) {
  const D d;
  const hn::Repartition<double, D> pairs;
#pragma GCC unroll 4
  for (size_t v = 0; v < kPlanarVectors; ++v, from += static_cast<ptrdiff_t>(kLanes) * stride, to += kLanes) {
    const V a0 = LoadFourColumns(from, stride);
    const V a1 = LoadFourColumns(from + stride, stride);
    const V a2 = LoadFourColumns(from + 2 * stride, stride);
    const V a3 = LoadFourColumns(from + 3 * stride, stride);
    const auto b0 = hn::BitCast(pairs, hn::InterleaveLower(d, a0, a1));
    const auto b1 = hn::BitCast(pairs, hn::InterleaveLower(d, a2, a3));
    const auto b2 = hn::BitCast(pairs, hn::InterleaveUpper(d, a0, a1));
    const auto b3 = hn::BitCast(pairs, hn::InterleaveUpper(d, a2, a3));
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, b0, b1)), d, to);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, b0, b1)), d, to + to_stride);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, b2, b3)), d, to + 2 * to_stride);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, b2, b3)), d, to + 3 * to_stride);
  }
}

// At most four channels of at most a block of pixels; zeros after `pixels`.
HWY_INLINE void SomeChannels(const float* from, ptrdiff_t stride, size_t pixels, size_t channels, float* to, ptrdiff_t to_stride) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  const hn::FixedTag<float, 4> four;
  HWY_ALIGN float some[4 * kBlock];
  if (channels == 4) {
    for (size_t i = 0; i < pixels; ++i, from += stride) hn::Store(hn::LoadU(four, from), four, some + 4 * i);
  } else {
    for (size_t i = 0; i < pixels; ++i, from += stride) {
      for (size_t c = 0; c < channels; ++c) some[4 * i + c] = from[c];
      for (size_t c = channels; c < 4; ++c) some[4 * i + c] = 0;
    }
  }
  for (size_t i = pixels; i < kBlock; ++i) hn::Store(hn::Zero(four), four, some + 4 * i);
  if (channels == 4) return FourChannels(some, 4, to, to_stride);
  HWY_ALIGN float rows[4 * kBlock];
  FourChannels(some, 4, rows, static_cast<ptrdiff_t>(kBlock));
  for (size_t c = 0; c < channels; ++c, to += to_stride) {
    for (size_t i = 0; i < kBlock; i += kLanes) hn::StoreU(hn::Load(D(), rows + c * kBlock + i), D(), to + i);
  }
}
#endif

// A block of pixels as rows: to[c * channel_stride + i] = from[i * pixel + c]; zeros after `pixels`. The pixels of a whole block at
// `next`, as far from each other as channels of a dense one, are asked for meanwhile, if it is there.
HWY_INLINE void PixelBlock(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to, ptrdiff_t channel_stride,
                           const float* next) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  if (pixels == kBlock ? channels > 4 || pixel != static_cast<ptrdiff_t>(channels) : pixels > 2) {
    size_t c = 0;
    if (HWY_LIKELY(pixels == kBlock)) {
      for (; c + 4 <= channels; c += 4, to += 4 * channel_stride) {
#pragma GCC unroll 8
        for (size_t i = 0; next != nullptr && i < 4 * kBlock; i += 64 / sizeof(float)) __builtin_prefetch(next + c * kBlock + i);
        FourChannels(from + c, pixel, to, channel_stride);
      }
    }
    // The last ones are some of those before once more, where there are as many.
    if (HWY_LIKELY(pixels == kBlock && channels >= 4)) {
      if (c < channels) {
        const ptrdiff_t back = static_cast<ptrdiff_t>(c + 4 - channels);
        FourChannels(from + channels - 4, pixel, to - back * channel_stride, channel_stride);
      }
      return;
    }
    for (; c < channels; c += 4, to += 4 * channel_stride)
      SomeChannels(from + c, pixel, pixels, HWY_MIN(channels - c, size_t{4}), to, channel_stride);
    return;
  }
#endif
  static_cast<void>(next);
  for (size_t c = 0; pixels != kBlock && c < channels; ++c) {
    float* const t = to + static_cast<ptrdiff_t>(c) * channel_stride;
    for (size_t i = 0; i < kBlock; i += kLanes) hn::StoreU(hn::Zero(D()), D(), t + i);
  }
  Transpose(from, pixel, pixels, channels, to, channel_stride);
}

void PixelPlanes(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to, ptrdiff_t block_stride,
                 ptrdiff_t channel_stride) {
  constexpr size_t kBlock = kPlanarVectors * kLanes;
  [[maybe_unused]] const float* const first = from;
  for (; pixels != 0; from += static_cast<ptrdiff_t>(kBlock) * pixel, to += block_stride) {
    const size_t n = HWY_MIN(pixels, kBlock);
    pixels -= n;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
    // Where planes are dense, the last block may reach back over the one before.
    if (HWY_UNLIKELY(n < kBlock && n > 2 && channels > 4 && from != first && block_stride == static_cast<ptrdiff_t>(kBlock))) {
      for (size_t c = 0; c < channels; ++c) {
        float* const t = to + static_cast<ptrdiff_t>(c) * channel_stride;
        for (size_t i = 0; i < kBlock; i += kLanes) hn::StoreU(hn::Zero(D()), D(), t + i);
      }
      const ptrdiff_t back = static_cast<ptrdiff_t>(kBlock - n);
      return PixelBlock(from - back * pixel, pixel, kBlock, channels, to - back, channel_stride, nullptr);
    }
#endif
    // The next pixels, unless these, their copy and those would not share L1.
    const float* const next = channels * kBlock <= 2048 ? from + static_cast<ptrdiff_t>(kBlock) * pixel : nullptr;
    PixelBlock(from, pixel, n, channels, to, channel_stride, next);
  }
}

void PixelBlocks(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to) {
  constexpr ptrdiff_t kBlock = static_cast<ptrdiff_t>(kPlanarVectors * kLanes);
  PixelPlanes(from, pixel, pixels, channels, to, static_cast<ptrdiff_t>(channels) * kBlock, kBlock);
}

// Zeros in [begin, end), and up to a vector beyond.
HWY_INLINE void ClearColumns(float* row, size_t begin, size_t end) {
  for (; begin < end; begin += kLanes) hn::StoreU(hn::Zero(D()), D(), row + begin);
}

void PadRows(const float* from, ptrdiff_t from_stride, size_t rows, size_t count, size_t left, float* to, size_t to_stride) {
  const D d;
  const size_t whole = count / kLanes * kLanes;
  const size_t rest = count - whole;
  for (size_t r = 0; r < rows; ++r, from += from_stride, to += to_stride) {
    ClearColumns(to, 0, left);
    float* const row = to + left;
    size_t i = 0;
    for (; i + 4 * kLanes <= whole; i += 4 * kLanes) {
#pragma GCC unroll 4
      for (size_t v = 0; v < 4; ++v) hn::StoreU(hn::LoadU(d, from + i + v * kLanes), d, row + i + v * kLanes);
    }
    for (; i < whole; i += kLanes) hn::StoreU(hn::LoadU(d, from + i), d, row + i);
    if (rest != 0) hn::StoreU(LoadFirst(from + whole, rest), d, row + whole);
    ClearColumns(to, left + (count + kLanes - 1) / kLanes * kLanes, to_stride);
  }
}

template <size_t kRows>
void FillPlanar(KernelTable* table) {
  if constexpr (kRows > 0) {
    table->planar[kRows - 1] = PlanarBlock<kRows>;
    FillPlanar<kRows - 1>(table);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
