// gemm_columns: rows of input read in place times a packed panel of columns, accumulated in a register tile of MR rows by NV
// vectors.
//
// For each step k of the sum a tile loads NV vectors of the panel and broadcasts MR numbers of A: MR * NV multiply-adds for NV + MR
// loads. The tile must fill the register file without overflowing it (MR * NV + NV + 1 registers; NEON keeps four k of each row in
// a register and multiplies by lane). All loops over the tile are unrolled by pragma: an accumulator indexed by a runtime variable
// would live in memory.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3
constexpr size_t kGemmRows[KernelTable::max_vectors] = {14, 14, 8, 6};
#elif HWY_TARGET == HWY_AVX2
constexpr size_t kGemmRows[KernelTable::max_vectors] = {12, 6, 4, 0};
#elif HWY_TARGET == HWY_SSE4
constexpr size_t kGemmRows[KernelTable::max_vectors] = {8, 6, 4, 3};
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
constexpr size_t kGemmRows[KernelTable::max_vectors] = {12, 8, 6, 4};
#elif HWY_TARGET == HWY_NEON  // ARMv7: 16 registers, and no multiply-add by lane that is fused
constexpr size_t kGemmRows[KernelTable::max_vectors] = {8, 4, 3, 2};
#else
constexpr size_t kGemmRows[KernelTable::max_vectors] = {4, 4, 3, 3};
#endif

constexpr size_t kGemmStepsPerRound = 4;
// Of a longer round, so that a short sum has few of them: processors then foresee where it ends. Tiles of three vectors fill the
// registers of AVX2, and GCC moves accumulators about between two loops; AVX-512's rounds take long enough.
template <size_t NV>
constexpr size_t kGemmStepsPerLongRound = NV < 3 && HWY_TARGET == HWY_AVX2 ? 8 : 4;

#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
// Where the rows of A of a tile are: a pointer each, to the end of the steps that are done four at a time, and one negative offset
// that counts up to there.
template <size_t MR>
struct RowPointers {
  const char* base[MR];
  ptrdiff_t offset;

  HWY_INLINE RowPointers(const char* a, ptrdiff_t stride, size_t steps) : offset(-static_cast<ptrdiff_t>(steps * sizeof(float))) {
    a -= offset;
#pragma GCC unroll 16
    for (size_t m = 0; m < MR; ++m, a += stride) {
      base[m] = a;
      asm("" : "+r"(base[m]));  // else the compiler goes back to fewer pointers and additions
    }
  }
  HWY_INLINE const float* row(size_t m) const { return reinterpret_cast<const float*>(base[m] + offset); }
  HWY_INLINE void advance(size_t steps) { offset += static_cast<ptrdiff_t>(steps * sizeof(float)); }
};
#else
// Where the rows of A of a tile are: one pointer for every four rows, and distances of one and three rows in bytes. x86 addresses
// base + {0, 1, 2} * row and base + 3 rows with these few registers; a pointer for each of 14 rows would not fit.
template <size_t MR>
struct RowPointers {
  const char* base[(MR + 3) / 4];
  ptrdiff_t one;
  ptrdiff_t three;

  HWY_INLINE RowPointers(const char* a, ptrdiff_t stride) : one(stride), three(3 * stride) {
#pragma GCC unroll 4
    for (size_t i = 0; i < (MR + 3) / 4; ++i) base[i] = a + static_cast<ptrdiff_t>(4 * i) * stride;
  }
  HWY_INLINE const float* row(size_t m) const {
    const ptrdiff_t offset = m % 4 == 0 ? 0 : m % 4 == 1 ? one : m % 4 == 2 ? 2 * one : three;
    return reinterpret_cast<const float*>(base[m / 4] + offset);
  }
  HWY_INLINE void advance(size_t steps) {
#pragma GCC unroll 4
    for (size_t i = 0; i < (MR + 3) / 4; ++i) base[i] += steps * sizeof(float);
#if HWY_ARCH_X86
    // Keeps the compiler from computing all row offsets beforehand, into more registers than there are.
    asm("" : "+r"(one), "+r"(three));
#endif
  }
};
#endif

#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
// Does nothing but tell GCC's register allocator that accumulators stay where they are: between steps of the sum GCC 12 else moves
// some about. Clang needs no such help, and cannot schedule across it.
template <size_t MR, size_t NV>
HWY_INLINE void PinAccumulators(V (&acc)[MR][NV]) {
#pragma GCC unroll 16
  for (size_t m = 0; m < MR; ++m) {
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) asm("" : "+w"(acc[m][v].raw));
  }
}

// `lane` is a constant where the loop around is unrolled.
HWY_INLINE V BroadcastLane(V x, size_t lane) {
  return lane == 0 ? hn::Broadcast<0>(x) : lane == 1 ? hn::Broadcast<1>(x) : lane == 2 ? hn::Broadcast<2>(x) : hn::Broadcast<3>(x);
}
#endif

// acc[m][v] += a_m[0 .. steps) * b[0 .. steps)[v], with `steps` known at compile time.
template <size_t MR, size_t NV, size_t kSteps>
HWY_INLINE void GemmSteps(const RowPointers<MR>& a, const float*& b, V (&acc)[MR][NV]) {
  const D d;
#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
  if constexpr (kSteps == 4) {
    constexpr bool kPinned = HWY_COMPILER_GCC_ACTUAL != 0 && NV > 1 && MR * NV > 8 && !(MR == 4 && NV == 3);  // by looking
    V row[MR];
#pragma GCC unroll 16
    for (size_t m = 0; m < MR; ++m) row[m] = hn::LoadU(d, a.row(m));
#pragma GCC unroll 4
    for (size_t lane = 0; lane < 4; ++lane) {
      // Where 18 accumulators leave few registers, the second half of the columns is loaded after the first half was used.
      if (kPinned && MR * NV > 16 && lane == 2) {
        asm("" : "+w"(acc[0][0].raw), "+r"(b));
      }
      V column[NV];
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) column[v] = hn::Load(d, b + (lane * NV + v) * kLanes);
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m) {
        const V broadcast = BroadcastLane(row[m], lane);
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v) acc[m][v] = hn::MulAdd(broadcast, column[v], acc[m][v]);
      }
      if (kPinned && (MR * NV > 16 ? lane == 1 : lane < 3)) PinAccumulators<MR, NV>(acc);
      if (HWY_COMPILER_GCC_ACTUAL != 0 && MR == 8 && NV == 1 && lane == 2) PinAccumulators<MR, NV>(acc);  // the same
    }
    return;
  }
#endif
#pragma GCC unroll 4
  for (size_t k = 0; k < kSteps; ++k) {
    V column[NV];
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) column[v] = hn::Load(d, b + (k * NV + v) * kLanes);
#pragma GCC unroll 16
    for (size_t m = 0; m < MR; ++m) {
      const V broadcast = LoadBroadcast(a.row(m) + k);
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) Accumulate(acc[m][v], broadcast, column[v]);
    }
  }
}

// Targets with masks load and store the last vector of a row of C, of which `tail` columns (1 .. lanes) exist, within the tile.
constexpr bool kMaskedTails = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

// Vector v of a row of C: all but the last are whole.
template <size_t NV>
HWY_INLINE V LoadTile(const float* row, size_t v, size_t tail) {
  if (v + 1 == NV && (HWY_TARGET == HWY_AVX3 || tail != kLanes)) return LoadFirst(row + v * kLanes, tail);
  return hn::LoadU(D(), row + v * kLanes);
}

template <size_t NV>
HWY_INLINE void StoreTile(V value, float* row, size_t v, size_t tail) {
  if (v + 1 == NV && (HWY_TARGET == HWY_AVX3 || tail != kLanes)) return StoreFirst(value, row + v * kLanes, tail);
  hn::StoreU(value, D(), row + v * kLanes);
}

// Columns of the last vector.
template <size_t NV>
HWY_INLINE size_t TileTail(const GemmStrip& s) {
  return kMaskedTails ? s.columns - (NV - 1) * kLanes : kLanes;
}

// Does a tile ask for what the next strip reads?
constexpr bool kGemmAsks = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

// Stores that go past the caches, whole vectors at multiples of their size.
constexpr bool kStreams = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

// Register tiles of one height, one below the other.
struct GemmTiles {
  ptrdiff_t a_offset;  // from row 0 of A
  size_t count;
  const float* init;  // what sums begin with
  ptrdiff_t init_stride;
  float* c;
  ptrdiff_t c_stride;
  // Rows until a run of rows ends, and of the next runs, and what strides leave out from one to the next. A tile may reach into the
  // next run where A has one stride and every sum begins with the same row.
  size_t left = SIZE_MAX;
  size_t run = SIZE_MAX;
  ptrdiff_t a_gap = 0;
  ptrdiff_t init_gap = 0;
  ptrdiff_t c_gap = 0;
  const float* bias = nullptr;  // added to what sums begin with
  // What is asked for meanwhile, and by how many bytes it moves on in a round of steps.
  const char* ask = nullptr;
  size_t ask_step = 0;
};

// Of what tiles ask for. Far: into L2, any number of lines in a round. Near: into L1, no more than the rows of a tile have in a
// round; without a branch, for branches in short sums cost more than a few requests too many.
enum class Asks { near, far };
constexpr size_t kLineBytes = 64;

template <size_t MR, Asks kAsks>
HWY_INLINE void Ask(const char* line, size_t bytes) {
  if constexpr (kAsks == Asks::near) {
#pragma GCC unroll 4
    for (size_t at = 0; at < MR * kGemmStepsPerRound * sizeof(float); at += kLineBytes) __builtin_prefetch(line + at, 0, 3);
  } else {
    for (size_t at = 0; at < bytes; at += kLineBytes) __builtin_prefetch(line + at, 0, 2);
  }
}

// Moves a pointer by one row. On AArch64 in a way that the compiler does not see through: from a pointer to the row itself it loads
// and stores vectors in pairs, two with an instruction.
template <typename T>
HWY_INLINE void NextRow(T*& row, ptrdiff_t bytes) {
  row = reinterpret_cast<T*>(reinterpret_cast<std::conditional_t<std::is_const_v<T>, const char, char>*>(row) + bytes);
#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
  asm("" : "+r"(row));
#endif
}

// Short sums are half beginning and end of tiles, so both are kept short: what does not change from tile to tile is done once, and
// what is rare is done outside (AwkwardTile).
template <size_t MR, size_t NV, Asks kAsks>
HWY_NOINLINE void GemmTile(const GemmStrip& strip, const GemmTiles& tiles) {
  const D d;
  const GemmStrip* s = &strip;
  const GemmTiles* t = &tiles;
  constexpr ptrdiff_t kFloat = sizeof(float);  // strides here are in bytes
  ptrdiff_t a_offset = t->a_offset * kFloat;
  const float* init = t->init;
  float* c = t->c;
  size_t left = t->left;
  [[maybe_unused]] const char* ask = t->ask;
  for (size_t count = t->count; count != 0; --count) {
    // Here and below: what the compiler might carry in registers from tile to tile is read again. There are not so many.
    asm("" : "+r"(s), "+r"(t));
    [[maybe_unused]] const size_t init_tail = TileTail<NV>(*s);
    V acc[MR][NV];
    const ptrdiff_t init_stride = t->init_stride * kFloat;
#pragma GCC unroll 16
    for (size_t m = 0; m < MR; ++m, NextRow(init, init_stride)) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) acc[m][v] = LoadTile<NV>(init, v, init_tail);
    }
    if (HWY_UNLIKELY(t->bias != nullptr)) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) {
        const V bias = hn::Load(d, t->bias + v * kLanes);
#pragma GCC unroll 16
        for (size_t m = 0; m < MR; ++m) acc[m][v] = hn::Add(bias, acc[m][v]);
      }
    }

    const ptrdiff_t a_stride = s->a_stride * kFloat;
    const GemmSegment* const segments_end = s->segment + s->segments;
    for (const GemmSegment* segment = s->segment; segment != segments_end; ++segment) {
      const float* b = s->b + segment->b_row * NV * kLanes;
      size_t k = segment->k;
      const char* const first_row = reinterpret_cast<const char*>(segment->a) + a_offset;
#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
      RowPointers<MR> a(first_row, a_stride, k / 4 * 4);
      for (; a.offset != 0; b += 4 * NV * kLanes) {
        GemmSteps<MR, NV, 4>(a, b, acc);
        a.advance(4);
      }
      k %= 4;
#else
      RowPointers<MR> a(first_row, a_stride);
#endif
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
      for (; k >= kGemmStepsPerLongRound<NV>; k -= kGemmStepsPerLongRound<NV>) {
        asm("" : "+r"(k));  // else the compiler computes where all pointers end from the number of rounds, after each segment
#pragma GCC unroll 4
        for (size_t i = 0; i < kGemmStepsPerLongRound<NV>; i += kGemmStepsPerRound, b += kGemmStepsPerRound * NV * kLanes) {
          Ask<MR, kAsks>(ask, t->ask_step);
          ask += t->ask_step;
          GemmSteps<MR, NV, kGemmStepsPerRound>(a, b, acc);
          a.advance(kGemmStepsPerRound);
        }
      }
#endif
#if HWY_TARGET != HWY_NEON  // ARMv7: loads for more than one step would not fit the registers
      for (; k >= kGemmStepsPerRound; k -= kGemmStepsPerRound, b += kGemmStepsPerRound * NV * kLanes) {
        GemmSteps<MR, NV, kGemmStepsPerRound>(a, b, acc);
        a.advance(kGemmStepsPerRound);
      }
#endif
#pragma GCC unroll 1
      for (; k != 0; --k, b += NV * kLanes) {
        GemmSteps<MR, NV, 1>(a, b, acc);
        a.advance(1);
      }
    }
    a_offset += static_cast<ptrdiff_t>(MR) * a_stride;

    asm("" : "+r"(s), "+r"(t));
    if (s->epilogue.kind != ActivationKind::none) {
      const ClampBounds limits = BoundsOf(s->epilogue);
      const V low = hn::Set(d, limits.low);
      const V high = hn::Set(d, limits.high);
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m) {
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v) acc[m][v] = ClampKeepNaN(acc[m][v], low, high);
      }
    }
    const ptrdiff_t c_stride = t->c_stride * kFloat;
    [[maybe_unused]] const size_t tail = TileTail<NV>(*s);
    if (HWY_UNLIKELY(left < MR)) {
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m) {
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v) {
          if (kStreams && s->streams) {
            hn::Stream(acc[m][v], d, c + v * kLanes);
          } else {
            StoreTile<NV>(acc[m][v], c, v, tail);
          }
        }
        const bool last = --left == 0;
        NextRow(c, c_stride + (last ? t->c_gap * kFloat : 0));
        left = last ? t->run : left;
      }
      continue;
    }
    if (kStreams && HWY_UNLIKELY(s->streams)) {
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m, NextRow(c, c_stride)) {
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v) hn::Stream(acc[m][v], d, c + v * kLanes);
      }
    } else {
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m, NextRow(c, c_stride)) {
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v) StoreTile<NV>(acc[m][v], c, v, tail);
      }
    }
    left -= MR;
    if (left == 0) {
      left = t->run;
      a_offset += t->a_gap * kFloat;
      init += t->init_gap;
      c += t->c_gap;
    }
  }
}

template <size_t MR, size_t NV, Asks kAsks = Asks::near>
HWY_INLINE void GemmTilesOfRows(const GemmStrip& s, size_t rows, const GemmTiles& tiles) {
  if (rows == MR) {
    GemmTile<MR, NV, kAsks>(s, tiles);
  } else if constexpr (MR > 1) {
    GemmTilesOfRows<MR - 1, NV, kAsks>(s, rows, tiles);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
