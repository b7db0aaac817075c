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
constexpr size_t kGemmRows[KernelTable::max_vectors] = {8, 6, 4, 0};
#elif HWY_TARGET == HWY_SSE4
constexpr size_t kGemmRows[KernelTable::max_vectors] = {8, 6, 4, 3};
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
constexpr size_t kGemmRows[KernelTable::max_vectors] = {12, 8, 6, 4};
#elif HWY_TARGET == HWY_NEON  // ARMv7: 16 registers, and no multiply-add by lane that is fused
constexpr size_t kGemmRows[KernelTable::max_vectors] = {8, 4, 3, 2};
#else
constexpr size_t kGemmRows[KernelTable::max_vectors] = {4, 4, 3, 3};
#endif

// Steps of the sum done per round of the loop. With more than two, GCC 12 runs out of registers in AVX-512's largest tiles.
constexpr size_t GemmStepsPerRound(size_t rows) { return HWY_TARGET == HWY_AVX3 && rows > 10 ? 2 : 4; }

// Where the rows of A of a tile are: one pointer for every four rows, and distances of one and three rows in bytes. x86 addresses
// base + {0, 1, 2} * row and base + 3 rows with these few registers; a pointer for each of 14 rows would not fit.
template <size_t MR>
struct RowPointers {
  const char* base[(MR + 3) / 4];
  ptrdiff_t one;
  ptrdiff_t three;

  HWY_INLINE RowPointers(const float* a, ptrdiff_t stride)
      : one(stride * static_cast<ptrdiff_t>(sizeof(float))), three(3 * stride * static_cast<ptrdiff_t>(sizeof(float))) {
#pragma GCC unroll 4
    for (size_t i = 0; i < (MR + 3) / 4; ++i) base[i] = reinterpret_cast<const char*>(a + static_cast<ptrdiff_t>(4 * i) * stride);
  }
  HWY_INLINE const float* row(size_t m) const {
    const ptrdiff_t offset = m % 4 == 0 ? 0 : m % 4 == 1 ? one : m % 4 == 2 ? 2 * one : three;
    return reinterpret_cast<const float*>(base[m / 4] + offset);
  }
  HWY_INLINE void advance(size_t steps) {
#pragma GCC unroll 4
    for (size_t i = 0; i < (MR + 3) / 4; ++i) base[i] += steps * sizeof(float);
#if HWY_ARCH_X86
    // Keeps the compiler from computing all row offsets beforehand, into more registers than there are. AArch64 has enough.
    asm("" : "+r"(one), "+r"(three));
#endif
  }
};

// acc[m][v] += a_m[0 .. steps) * b[0 .. steps)[v], with `steps` known at compile time.
template <size_t MR, size_t NV, size_t kSteps>
HWY_INLINE void GemmSteps(const RowPointers<MR>& a, const float* HWY_RESTRICT b, V (&acc)[MR][NV]) {
  const D d;
#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
  if constexpr (kSteps == 4) {
    V row[MR];
#pragma GCC unroll 16
    for (size_t m = 0; m < MR; ++m) row[m] = hn::LoadU(d, a.row(m));
    const auto by_lane = [&](auto lane) HWY_ATTR {
      V column[NV];
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) column[v] = hn::Load(d, b + (lane.value * NV + v) * kLanes);
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m) {
        const V broadcast = hn::Broadcast<lane.value>(row[m]);
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v) acc[m][v] = hn::MulAdd(broadcast, column[v], acc[m][v]);
      }
    };
    by_lane(std::integral_constant<int, 0>());
    by_lane(std::integral_constant<int, 1>());
    by_lane(std::integral_constant<int, 2>());
    by_lane(std::integral_constant<int, 3>());
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
      for (size_t v = 0; v < NV; ++v) acc[m][v] = hn::MulAdd(broadcast, column[v], acc[m][v]);
    }
  }
}

// Vector v of a row of C: all but the last are whole, the last holds `tail` columns (1 .. lanes).
template <size_t NV>
HWY_INLINE V LoadTile(const float* row, size_t v, size_t tail) {
#if HWY_TARGET == HWY_AVX3
  if (v + 1 == NV) return LoadFirst(row + v * kLanes, tail);
#else
  if (v + 1 == NV && tail != kLanes) return LoadFirst(row + v * kLanes, tail);
#endif
  return hn::LoadU(D(), row + v * kLanes);
}

template <size_t NV>
HWY_INLINE void StoreTile(V value, float* row, size_t v, size_t tail) {
#if HWY_TARGET == HWY_AVX3
  if (v + 1 == NV) return StoreFirst(value, row + v * kLanes, tail);
#else
  if (v + 1 == NV && tail != kLanes) return StoreFirst(value, row + v * kLanes, tail);
#endif
  hn::StoreU(value, D(), row + v * kLanes);
}

// leaky_relu, prelu and hard_swish on a tile that was just stored.
template <size_t NV>
HWY_NOINLINE void EpilogueTile(const GemmStrip& s, float* c, size_t rows) {
  const D d;
  const size_t tail = s.columns - (NV - 1) * kLanes;
  for (size_t m = 0; m < rows; ++m, c += s.c_stride) {
    for (size_t v = 0; v < NV; ++v) {
      const V slope = s.epilogue.kind == ActivationKind::prelu ? hn::Load(d, s.slopes + v * kLanes) : hn::Set(d, s.epilogue.alpha);
      StoreTile<NV>(ApplyEpilogue(LoadTile<NV>(c, v, tail), s.epilogue, slope), c, v, tail);
    }
  }
}

template <size_t MR, size_t NV>
HWY_NOINLINE void GemmTile(const GemmStrip& s, size_t first_row) {
  const D d;
  float* const c = s.c + static_cast<ptrdiff_t>(first_row) * s.c_stride;
  const size_t tail = s.columns - (NV - 1) * kLanes;
  V acc[MR][NV];
  if (s.bias == nullptr) {
#pragma GCC unroll 16
    for (size_t m = 0; m < MR; ++m) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) acc[m][v] = LoadTile<NV>(c + static_cast<ptrdiff_t>(m) * s.c_stride, v, tail);
    }
  } else {
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v) {
      const V bias = hn::Load(d, s.bias + v * kLanes);
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m) acc[m][v] = bias;
    }
    if (s.residual != nullptr) {
      const float* const r = s.residual + static_cast<ptrdiff_t>(first_row) * s.residual_stride;
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m) {
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v)
          acc[m][v] = hn::Add(acc[m][v], LoadTile<NV>(r + static_cast<ptrdiff_t>(m) * s.residual_stride, v, tail));
      }
    }
  }

  [[maybe_unused]] constexpr size_t kSteps = GemmStepsPerRound(MR);
  const ptrdiff_t a_stride = s.a_stride;
  for (size_t i = 0; i < s.segments; ++i) {
    const GemmSegment& segment = s.segment[i];
    RowPointers<MR> a(segment.a + static_cast<ptrdiff_t>(first_row) * a_stride, a_stride);
    const float* HWY_RESTRICT b = s.b + segment.b_row * NV * kLanes;
    size_t k = segment.k;
#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
    for (size_t blocks = k / 4; blocks != 0; --blocks, b += 4 * NV * kLanes) {  // counted down to 0: one instruction less than to 4
      GemmSteps<MR, NV, 4>(a, b, acc);
      a.advance(4);
    }
    k %= 4;
#elif HWY_TARGET != HWY_NEON  // ARMv7: loads for more than one step would not fit the registers
    for (; k >= kSteps; k -= kSteps, b += kSteps * NV * kLanes) {
      GemmSteps<MR, NV, kSteps>(a, b, acc);
      a.advance(kSteps);
    }
#endif
    for (; k != 0; --k, b += NV * kLanes) {
      GemmSteps<MR, NV, 1>(a, b, acc);
      a.advance(1);
    }
  }

#if HWY_TARGET == HWY_NEON
  // Without the branches of a last vector and, where nothing is to be clamped, without clamping: short sums are half stores.
  const ActivationKind kind = s.epilogue.kind;
  if (HWY_LIKELY(tail == kLanes && IsClamp(kind))) {
    if (kind != ActivationKind::none) {
      const ClampBounds limits = BoundsOf(s.epilogue);
      const V lowest = hn::Set(d, limits.low);
      const V highest = hn::Set(d, limits.high);
#pragma GCC unroll 16
      for (size_t m = 0; m < MR; ++m) {
#pragma GCC unroll 4
        for (size_t v = 0; v < NV; ++v) acc[m][v] = ClampKeepNaN(acc[m][v], lowest, highest);
      }
    }
    const ptrdiff_t c_stride = s.c_stride;  // in a register: a store may change s, for all that the compiler knows
    float* row = c;
#pragma GCC unroll 16
    for (size_t m = 0; m < MR; ++m, row += c_stride) {
#pragma GCC unroll 4
      for (size_t v = 0; v < NV; ++v) hn::StoreU(acc[m][v], d, row + v * kLanes);
    }
    return;
  }
#endif
  const ClampBounds bounds = BoundsOf(s.epilogue);
  const V low = hn::Set(d, bounds.low);
  const V high = hn::Set(d, bounds.high);
#pragma GCC unroll 16
  for (size_t m = 0; m < MR; ++m) {
#pragma GCC unroll 4
    for (size_t v = 0; v < NV; ++v)
      StoreTile<NV>(ClampKeepNaN(acc[m][v], low, high), c + static_cast<ptrdiff_t>(m) * s.c_stride, v, tail);
  }
  if (HWY_UNLIKELY(!IsClamp(s.epilogue.kind))) EpilogueTile<NV>(s, c, MR);
}

template <size_t MR, size_t NV>
HWY_INLINE void GemmTileOfRows(const GemmStrip& s, size_t first_row, size_t rows) {
  if (rows == MR) {
    GemmTile<MR, NV>(s, first_row);
  } else if constexpr (MR > 1) {
    GemmTileOfRows<MR - 1, NV>(s, first_row, rows);
  }
}

// Splits the rows into as few tiles as possible, of sizes that differ by one at most (16 = 6 + 5 + 5 rather than 6 + 6 + 4).
template <size_t NV>
void GemmColumns(const GemmStrip& s) {
  constexpr size_t MR = kGemmRows[NV - 1];
  const size_t tiles = (s.rows + MR - 1) / MR;
  size_t first = 0;
  for (size_t i = 0; i < tiles; ++i) {
    const size_t rows = (s.rows - first + tiles - i - 1) / (tiles - i);
    GemmTileOfRows<MR, NV>(s, first, rows);
    first += rows;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
