// depthwise_planes: rows of one plane (NCHW) of a depthwise layer, vectors along x. The input rows are copies between zeros, so
// that neither borders nor the last columns need kernels of their own.
//
// A tile is a vector of cells of some units, neighbouring rows of one y-phase or neighbouring vectors of one row: each broadcast
// weight is shared by the units, and the x-phases are interleaved in the store.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

template <size_t kPhases>
HWY_INLINE void StorePlanePhases(const V (&sum)[kPhases], float* y) {
  const D d;
  if constexpr (kPhases == 1) {
    hn::StoreU(sum[0], d, y);
  } else if constexpr (kPhases == 2) {
    hn::StoreInterleaved2(sum[0], sum[1], d, y);
  } else {
    hn::StoreInterleaved4(sum[0], sum[1], sum[2], sum[3], d, y);
  }
}

// f(sum) where f is not a clamp.
HWY_NOINLINE void ActivatePlane(const DepthwisePlane& p, float* sums, size_t vectors) {
  const D d;
  const V slope = hn::Set(d, p.epilogue.kind == ActivationKind::prelu ? p.slope : p.epilogue.alpha);
  for (size_t i = 0; i < vectors; ++i)
    hn::Store(ApplyEpilogue(hn::Load(d, sums + i * kLanes), p.epilogue, slope), d, sums + i * kLanes);
}

// f(sum + residual) of interleaved sums, where f is not a clamp or there are residuals.
template <size_t kPhases>
HWY_NOINLINE void FinishPlaneRows(const DepthwisePlane& p, float* sums, size_t units, float* y, ptrdiff_t y_unit,
                                  const float* residual, ptrdiff_t residual_unit, size_t count) {
  const D d;
  const bool clamp = IsClamp(p.epilogue.kind);
  const ClampBounds bounds = BoundsOf(p.epilogue);
  const V low = hn::Set(d, bounds.low);
  const V high = hn::Set(d, bounds.high);
  for (size_t u = 0; u < units; ++u, y += y_unit, sums += kPhases * kLanes) {
    if (residual != nullptr) {
      for (size_t v = 0; v < kPhases && v * kLanes < count; ++v) {
        const V value = hn::Add(hn::Load(d, sums + v * kLanes), LoadColumns(residual, v, count));
        hn::Store(clamp ? ClampKeepNaN(value, low, high) : value, d, sums + v * kLanes);
      }
      residual += residual_unit;
    }
    if (!clamp) ActivatePlane(p, sums, kPhases);
#pragma GCC unroll 4
    for (size_t v = 0; v < kPhases; ++v) StoreColumns(hn::Load(d, sums + v * kLanes), y, v, count);
  }
}

// f(sum + residual) of kUnits units whose outputs and residuals lie y_unit and residual_unit apart, `count` outputs of each. kAsk:
// the lines that the units after them are stored to are asked for (as in depthwise_outputs-inl.hpp).
template <size_t kPhases, size_t kUnits, bool kAsk>
HWY_INLINE void FinishPlaneUnits(const DepthwisePlane& p, V (&sum)[kUnits][kPhases], float* y, ptrdiff_t y_unit,
                                 const float* residual, ptrdiff_t residual_unit, size_t count) {
  const D d;
  const bool clamp = IsClamp(p.epilogue.kind);
  const ClampBounds bounds = BoundsOf(p.epilogue);
  const V low = hn::Set(d, bounds.low);
  const V high = hn::Set(d, bounds.high);
  if (HWY_LIKELY(clamp && residual == nullptr)) {
    if (p.epilogue.kind != ActivationKind::none) {
#pragma GCC unroll 4
      for (size_t u = 0; u < kUnits; ++u) {
#pragma GCC unroll 4
        for (size_t i = 0; i < kPhases; ++i) sum[u][i] = ClampKeepNaN(sum[u][i], low, high);
      }
    }
    if (HWY_LIKELY(count == kPhases * kLanes)) {
#pragma GCC unroll 4
      for (size_t u = 0; u < kUnits; ++u) {
        if constexpr (kAsk) {
          const float* const soon = y + static_cast<ptrdiff_t>(kUnits + u) * y_unit;
#pragma GCC unroll 4
          for (size_t i = 0; i < kPhases * kLanes; i += 64 / sizeof(float)) __builtin_prefetch(soon + i, 1);
        }
        StorePlanePhases<kPhases>(sum[u], y + static_cast<ptrdiff_t>(u) * y_unit);
      }
      return;
    }
    HWY_ALIGN float outputs[kPhases * kLanes];
#pragma GCC unroll 4
    for (size_t u = 0; u < kUnits; ++u, y += y_unit) {
      StorePlanePhases<kPhases>(sum[u], outputs);
#pragma GCC unroll 4
      for (size_t v = 0; v < kPhases; ++v) StoreColumns(hn::Load(d, outputs + v * kLanes), y, v, count);
    }
    return;
  }
  HWY_ALIGN float sums[kUnits * kPhases * kLanes];
#pragma GCC unroll 4
  for (size_t u = 0; u < kUnits; ++u) StorePlanePhases<kPhases>(sum[u], sums + u * kPhases * kLanes);
  FinishPlaneRows<kPhases>(p, sums, kUnits, y, y_unit, residual, residual_unit, count);
}

// kUnits units whose inputs, outputs and residuals lie x_unit, y_unit and residual_unit apart, `count` outputs of each.
template <size_t kPhases, size_t kUnits, bool kAsk = false>
HWY_NOINLINE void DepthwisePlaneTile(const DepthwisePlane& p, const float* x, ptrdiff_t x_unit, float* y, ptrdiff_t y_unit,
                                     const float* residual, ptrdiff_t residual_unit, size_t count) {
  const D d;
  V sum[kUnits][kPhases];
  const V bias = hn::Set(d, p.bias);
#pragma GCC unroll 4
  for (size_t u = 0; u < kUnits; ++u) {
#pragma GCC unroll 4
    for (size_t i = 0; i < kPhases; ++i) sum[u][i] = bias;
  }
  const float* const w = p.w;
  const DepthwisePlaneTap* tap = p.tap;
#pragma GCC unroll 4
  for (size_t i = 0; i < kPhases; ++i) {
    for (const DepthwisePlaneTap* const end = tap + p.taps[i]; tap != end; ++tap) {
      const V weight = LoadBroadcast(w + tap->w);
      const float* const at = x + tap->x;
#pragma GCC unroll 4
      for (size_t u = 0; u < kUnits; ++u)
        sum[u][i] = hn::MulAdd(hn::LoadU(d, at + static_cast<ptrdiff_t>(u) * x_unit), weight, sum[u][i]);
    }
  }
  FinishPlaneUnits<kPhases, kUnits, kAsk>(p, sum, y, y_unit, residual, residual_unit, count);
}

// The same of two phases whose taps are neighbours: kTaps of them in a row of the kernel, of which phase 0 has every other one from
// kFirst on. Each input is loaded once for both phases, and each broadcast weight once for all units. Products are
// added in the order of the other tile: how rows are cut into tasks decides which of them does a row.
template <size_t kTaps, size_t kFirst, size_t kUnits, bool kAsk>
HWY_NOINLINE void DepthwisePlanePairs(const DepthwisePlane& p, const float* x, ptrdiff_t x_unit, float* y, ptrdiff_t y_unit,
                                      const float* residual, ptrdiff_t residual_unit, size_t count) {
  const D d;
  constexpr size_t kTaps0 = (kTaps + 1 - kFirst) / 2;
  constexpr size_t kTaps1 = kTaps - kTaps0;
  using Window = DepthwiseWindow<kTaps0, kTaps1, kFirst, 1>;
  V sum[kUnits][2];
  const V bias = hn::Set(d, p.bias);
#pragma GCC unroll 4
  for (size_t u = 0; u < kUnits; ++u) sum[u][0] = sum[u][1] = bias;
  const float* const w = p.w - kFirst * kLanes;
  const DepthwisePlaneTap* const end = p.tap + p.taps[0];
  for (const DepthwisePlaneTap* tap = p.tap; tap != end; tap += kTaps0) {
    V weight[kTaps];
#pragma GCC unroll 8
    for (size_t t = 0; t < kTaps; ++t) weight[t] = LoadBroadcast(w + tap->w + t * kLanes);
    const float* at = x + tap->x + Window::low;
#pragma GCC unroll 4
    for (size_t u = 0; u < kUnits; ++u, at += x_unit) {
#pragma GCC unroll 8
      for (int i = Window::inputs - 1; i >= 0; --i) {
        const V value = hn::LoadU(d, at + i);
        const int j0 = -(Window::low + i);
        const int j1 = static_cast<int>(kFirst) + j0;
        if (j0 >= 0 && j0 < static_cast<int>(kTaps0)) Accumulate(sum[u][0], value, weight[kFirst + 2 * j0]);
        if (j1 >= 0 && j1 < static_cast<int>(kTaps1)) Accumulate(sum[u][1], value, weight[1 - kFirst + 2 * j1]);
      }
    }
  }
  FinishPlaneUnits<2, kUnits, kAsk>(p, sum, y, y_unit, residual, residual_unit, count);
}

using DepthwisePlaneFunction = void (*)(const DepthwisePlane& p, const float* x, ptrdiff_t x_unit, float* y, ptrdiff_t y_unit,
                                        const float* residual, ptrdiff_t residual_unit, size_t count);

// Four units of two phases, two of four.
template <size_t kPhases>
constexpr size_t kPlaneUnits = kPhases == 4 ? 2 : 4;

template <size_t kPhases, bool kAsk>
DepthwisePlaneFunction PlaneTileOf([[maybe_unused]] const DepthwisePlane& p) {
  if constexpr (kPhases == 2) {
    // Of single numbers, four taps pass faster one by one.
    switch (kLanes == 1 && p.pair_taps == 4 ? 0 : 2 * p.pair_taps + p.pair_first) {
      case 6:
        return DepthwisePlanePairs<3, 0, 4, kAsk>;
      case 7:
        return DepthwisePlanePairs<3, 1, 4, kAsk>;
      case 8:
        return DepthwisePlanePairs<4, 0, 4, kAsk>;
      case 9:
        return DepthwisePlanePairs<4, 1, 4, kAsk>;
      case 10:
        return DepthwisePlanePairs<5, 0, 4, kAsk>;
      case 11:
        return DepthwisePlanePairs<5, 1, 4, kAsk>;
    }
  }
  return DepthwisePlaneTile<kPhases, kPlaneUnits<kPhases>, kAsk>;
}

template <size_t kPhases>
void DepthwisePlaneUnits(const DepthwisePlane& p, DepthwisePlaneFunction tile, size_t units, const float* x, ptrdiff_t x_unit,
                         float* y, ptrdiff_t y_unit, const float* residual, ptrdiff_t residual_unit, size_t count) {
  constexpr size_t kMost = kPlaneUnits<kPhases>;
  for (; units >= kMost; units -= kMost) {
    tile(p, x, x_unit, y, y_unit, residual, residual_unit, count);
    x += static_cast<ptrdiff_t>(kMost) * x_unit;
    y += static_cast<ptrdiff_t>(kMost) * y_unit;
    if (residual != nullptr) residual += static_cast<ptrdiff_t>(kMost) * residual_unit;
  }
  if constexpr (kMost == 4) {
    if (units == 3) return DepthwisePlaneTile<kPhases, 3>(p, x, x_unit, y, y_unit, residual, residual_unit, count);
    if (units == 2) return DepthwisePlaneTile<kPhases, 2>(p, x, x_unit, y, y_unit, residual, residual_unit, count);
  }
  if (units == 1) DepthwisePlaneTile<kPhases, 1>(p, x, x_unit, y, y_unit, residual, residual_unit, count);
}

template <size_t kPhases>
void DepthwisePlaneRows(const DepthwisePlane& p) {
  constexpr size_t kOutputs = kPhases * kLanes;
  constexpr size_t kMost = kPlaneUnits<kPhases>;
  constexpr bool kAsk = HWY_ARCH_X86 != 0 && kLanes > 1;
  const DepthwisePlaneFunction tile = kAsk && p.beyond_l2 ? PlaneTileOf<kPhases, kAsk>(p) : PlaneTileOf<kPhases, false>(p);
  const size_t whole = p.columns / kOutputs;
  if (p.rows >= 4 || whole <= p.rows) {
    for (size_t row = 0; row < p.rows; row += kMost) {
      const ptrdiff_t i = static_cast<ptrdiff_t>(row);
      const float* const x = p.x + i * p.x_row_stride;
      float* const y = p.y + i * p.y_row_stride;
      const float* const residual = p.residual != nullptr ? p.residual + i * p.residual_row_stride : nullptr;
      for (size_t n = 0; n * kOutputs < p.columns; ++n) {
        DepthwisePlaneUnits<kPhases>(p, tile, HWY_MIN(kMost, p.rows - row), x + n * kLanes, p.x_row_stride, y + n * kOutputs,
                                     p.y_row_stride, residual != nullptr ? residual + n * kOutputs : nullptr, p.residual_row_stride,
                                     HWY_MIN(kOutputs, p.columns - n * kOutputs));
      }
    }
    return;
  }
  for (size_t row = 0; row < p.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    const float* const x = p.x + i * p.x_row_stride;
    float* const y = p.y + i * p.y_row_stride;
    const float* const residual = p.residual != nullptr ? p.residual + i * p.residual_row_stride : nullptr;
    DepthwisePlaneUnits<kPhases>(p, tile, whole, x, kLanes, y, kOutputs, residual, kOutputs, kOutputs);
    const size_t done = whole * kOutputs;
    if (done < p.columns)
      DepthwisePlaneTile<kPhases, 1>(p, x + whole * kLanes, 0, y + done, 0, residual != nullptr ? residual + done : nullptr, 0,
                                     p.columns - done);
  }
}

// Rows that no tap meets, of at least a vector: f(bias). The last vector reaches back over the one before it.
void FillPlaneRows(const DepthwisePlane& p, V value) {
  const D d;
  const size_t columns = p.columns;  // copies, which no store can change
  const ptrdiff_t stride = p.y_row_stride;
  float* y = p.y;
  for (size_t row = p.rows; row != 0; --row, y += stride) {
    for (size_t n = 0; n + kLanes <= columns; n += kLanes) hn::StoreU(value, d, y + n);
    hn::StoreU(value, d, y + columns - kLanes);
  }
}

// Two phases, of which one has a tap and the other f(bias), in rows of at least two vectors (k = 1). The last two reach back, to an
// odd output where the number of outputs is odd: the phases then change places.
template <bool kLiveFirst>
void SpreadPlaneRows(const DepthwisePlane& p, V low, V high) {
  const D d;
  constexpr size_t kOutputs = 2 * kLanes;
  const V bias = hn::Set(d, p.bias);
  const V weight = LoadBroadcast(p.w + p.tap->w);
  const V dead = ClampKeepNaN(bias, low, high);
  const auto live = [&](const float* x) { return ClampKeepNaN(hn::MulAdd(hn::LoadU(d, x), weight, bias), low, high); };
  const size_t back = p.columns - kOutputs;  // copies, which no store can change
  const bool reaches_back = p.columns % kOutputs != 0;
  const bool live_first = kLiveFirst == (back % 2 == 0);
  const size_t x_back = (back + (kLiveFirst ? 1 : 0)) / 2;
  const ptrdiff_t x_stride = p.x_row_stride;
  const ptrdiff_t y_stride = p.y_row_stride;
  const float* x = p.x + p.tap->x;
  float* y = p.y;
  for (size_t row = p.rows; row != 0; --row, x += x_stride, y += y_stride) {
    for (size_t n = 0; n <= back; n += kOutputs) {
      const V value = live(x + n / 2);
      hn::StoreInterleaved2(kLiveFirst ? value : dead, kLiveFirst ? dead : value, d, y + n);
    }
    if (!reaches_back) continue;
    const V value = live(x + x_back);
    if (live_first) {
      hn::StoreInterleaved2(value, dead, d, y + back);
    } else {
      hn::StoreInterleaved2(dead, value, d, y + back);
    }
  }
}

// Rows of which the kernel meets little, where nothing is added to what it leaves: stride 2 and k = 1, or rows between taps.
bool DepthwiseSparseRows(const DepthwisePlane& p) {
  size_t taps = 0;
  for (size_t i = 0; i < p.phases; ++i) taps += p.taps[i];
  if (taps > 1 || p.residual != nullptr || !IsClamp(p.epilogue.kind) || p.columns < (taps + 1) * kLanes) return false;
  const D d;
  const ClampBounds bounds = BoundsOf(p.epilogue);
  const V low = hn::Set(d, bounds.low);
  const V high = hn::Set(d, bounds.high);
  if (taps == 0) {
    FillPlaneRows(p, ClampKeepNaN(hn::Set(d, p.bias), low, high));
  } else if (p.phases == 2 && p.taps[0] == 1) {
    SpreadPlaneRows<true>(p, low, high);
  } else if (p.phases == 2) {
    SpreadPlaneRows<false>(p, low, high);
  } else {
    return false;
  }
  return true;
}

void DepthwisePlanes(const DepthwisePlane& p) {
  if (DepthwiseSparseRows(p)) return;
  switch (p.phases) {
    case 1:
      return DepthwisePlaneRows<1>(p);
    case 2:
      return DepthwisePlaneRows<2>(p);
    default:
      return DepthwisePlaneRows<4>(p);
  }
}

// Rows of `columns` numbers, each followed by zeros to the end of a vector.
void DepthwiseCopyRows(const float* from, ptrdiff_t from_stride, size_t rows, size_t columns, float* to, ptrdiff_t to_stride) {
  const D d;
  for (size_t row = 0; row < rows; ++row, from += from_stride, to += to_stride) {
    size_t i = 0;
    for (; i + kLanes <= columns; i += kLanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
    if (i < columns) hn::StoreU(LoadFirst(from + i, columns - i), d, to + i);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
