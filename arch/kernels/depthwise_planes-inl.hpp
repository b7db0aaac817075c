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

// kUnits units whose inputs, outputs and residuals lie x_unit, y_unit and residual_unit apart, `count` outputs of each.
template <size_t kPhases, size_t kUnits>
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
      for (size_t u = 0; u < kUnits; ++u) StorePlanePhases<kPhases>(sum[u], y + static_cast<ptrdiff_t>(u) * y_unit);
      return;
    }
  }
  HWY_ALIGN float buffer[kPhases * kLanes];
#pragma GCC unroll 4
  for (size_t u = 0; u < kUnits; ++u, y += y_unit) {
    StorePlanePhases<kPhases>(sum[u], buffer);
    if (HWY_UNLIKELY(residual != nullptr)) {
      for (size_t v = 0; v < kPhases && v * kLanes < count; ++v) {
        const V value = hn::Add(hn::Load(d, buffer + v * kLanes), LoadColumns(residual, v, count));
        hn::Store(clamp ? ClampKeepNaN(value, low, high) : value, d, buffer + v * kLanes);
      }
      residual += residual_unit;
    }
    if (HWY_UNLIKELY(!clamp)) ActivatePlane(p, buffer, kPhases);
#pragma GCC unroll 4
    for (size_t v = 0; v < kPhases; ++v) StoreColumns(hn::Load(d, buffer + v * kLanes), y, v, count);
  }
}

template <size_t kPhases>
void DepthwisePlaneUnits(const DepthwisePlane& p, size_t units, const float* x, ptrdiff_t x_unit, float* y, ptrdiff_t y_unit,
                         const float* residual, ptrdiff_t residual_unit, size_t count) {
  constexpr size_t kMost = kPhases == 4 ? 2 : 4;
  for (; units >= kMost; units -= kMost) {
    DepthwisePlaneTile<kPhases, kMost>(p, x, x_unit, y, y_unit, residual, residual_unit, count);
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
  const size_t whole = p.columns / kOutputs;
  if (p.rows >= 4 || whole <= p.rows) {
    for (size_t n = 0; n * kOutputs < p.columns; ++n) {
      DepthwisePlaneUnits<kPhases>(p, p.rows, p.x + n * kLanes, p.x_row_stride, p.y + n * kOutputs, p.y_row_stride,
                                   p.residual != nullptr ? p.residual + n * kOutputs : nullptr, p.residual_row_stride,
                                   HWY_MIN(kOutputs, p.columns - n * kOutputs));
    }
    return;
  }
  for (size_t row = 0; row < p.rows; ++row) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(row);
    const float* const x = p.x + i * p.x_row_stride;
    float* const y = p.y + i * p.y_row_stride;
    const float* const residual = p.residual != nullptr ? p.residual + i * p.residual_row_stride : nullptr;
    DepthwisePlaneUnits<kPhases>(p, whole, x, kLanes, y, kOutputs, residual, kOutputs, kOutputs);
    const size_t done = whole * kOutputs;
    if (done < p.columns)
      DepthwisePlaneTile<kPhases, 1>(p, x + whole * kLanes, 0, y + done, 0, residual != nullptr ? residual + done : nullptr, 0,
                                     p.columns - done);
  }
}

void DepthwisePlanes(const DepthwisePlane& p) {
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
