// What depthwise rows of pixels do with their sums: residual, activation and the stores.
// Included before the kernels that make the sums.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// f(sum) for the sums of a vector of channels, where f is not a clamp.
HWY_NOINLINE void DepthwiseActivate(const DepthwiseRows& r, size_t c, float* sums, size_t count) {
  const D d;
  const Epilogue e = r.epilogue;  // a copy, which no store can change
  const V slope = e.kind == ActivationKind::prelu ? hn::LoadU(d, r.slopes + c) : hn::Set(d, e.alpha);
  for (size_t i = 0; i < count; ++i) hn::Store(ApplyEpilogue(hn::Load(d, sums + i * kLanes), e, slope), d, sums + i * kLanes);
}

// Where some outputs go, and what is done to their sums before. They come in groups of neighbours: after each of them but the last
// one, `gap` outputs belong to others.
struct DepthwiseOutputs {
  DepthwiseOutputs(const DepthwiseRows& r, float* outputs, const float* residuals, size_t number)
      : y(outputs),
        y_step(r.y_stride),
        y_gap(0),
        residual(residuals),
        residual_step(r.residual_stride),
        residual_gap(0),
        count(number),
        channels(r.channels),
        nothing(r.epilogue.kind == ActivationKind::none),
        clamp(IsClamp(r.epilogue.kind)) {
    const ClampBounds bounds = BoundsOf(r.epilogue);
    low = hn::Set(D(), bounds.low);
    high = hn::Set(D(), bounds.high);
  }

  // kVectors vectors of the channels from c on. !kAll: of kCount sums the first `count` are stored; !kWhole: the channels end
  // before the vector does. kAsk: the lines that are stored to soon are asked for, as the hardware follows those of several pixels
  // too late. Outputs beyond L2 take up to a third less time so, others up to a tenth more.
  template <size_t kVectors, size_t kCount, bool kAll, bool kWhole, bool kAsk = false, size_t kGroup = kCount>
  HWY_INLINE void Store(const DepthwiseRows& r, V (&sum)[kCount][kVectors], size_t c) const {
    if (HWY_UNLIKELY(residual != nullptr)) {
      const float* from = residual + c;
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; from += step_after<kGroup>(i, residual_step, residual_gap), ++i) {
#pragma GCC unroll 2
        for (size_t v = 0; v < kVectors; ++v) {
          if (kAll || i < count)
            sum[i][v] = hn::Add(sum[i][v], kWhole ? hn::LoadU(D(), from + v * kLanes) : LoadFirst(from, channels - c));
        }
      }
    }
    if (HWY_UNLIKELY(!nothing)) {
#pragma GCC unroll 2
      for (size_t v = 0; v < kVectors; ++v) {
        if (clamp) {
#pragma GCC unroll 8
          for (size_t i = 0; i < kCount; ++i) sum[i][v] = ClampKeepNaN(sum[i][v], low, high);
        } else {
          HWY_ALIGN float sums[kCount * kLanes];
#pragma GCC unroll 8
          for (size_t i = 0; i < kCount; ++i) hn::Store(sum[i][v], D(), sums + i * kLanes);
          DepthwiseActivate(r, c + v * kLanes, sums, kCount);
#pragma GCC unroll 8
          for (size_t i = 0; i < kCount; ++i) sum[i][v] = hn::Load(D(), sums + i * kLanes);
        }
      }
    }
    float* to = y + c;
    if (kAsk && c * sizeof(float) % 64 == 0) Ask<kCount, kGroup>(c);
    if (kAll || HWY_LIKELY(count >= kCount)) {
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; to += step_after<kGroup>(i, y_step, y_gap), ++i) StoreOne<kVectors, kWhole>(sum[i], to, c);
    } else {
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; to += step_after<kGroup>(i, y_step, y_gap), ++i) {
        if (i >= count) break;
        StoreOne<kVectors, kWhole>(sum[i], to, c);
      }
    }
  }

  template <size_t kCount, size_t kGroup>
  HWY_INLINE void Ask(size_t c) const {
    constexpr ptrdiff_t kAhead = 1024 / sizeof(float);
    const float* at = y + c + kAhead;
#pragma GCC unroll 8
    for (size_t i = 0; i < kCount; at += step_after<kGroup>(i, y_step, y_gap), ++i) __builtin_prefetch(at, 1);
  }

  // To `outputs` outputs further.
  HWY_INLINE void Skip(size_t outputs) {
    y += static_cast<ptrdiff_t>(outputs) * y_step;
    if (residual != nullptr) residual += static_cast<ptrdiff_t>(outputs) * residual_step;
  }

  template <size_t kGroup>
  static HWY_INLINE ptrdiff_t step_after(size_t output, ptrdiff_t step, ptrdiff_t gap) {
    return output % kGroup == kGroup - 1 ? step + gap : step;
  }

  template <size_t kVectors, bool kWhole>
  HWY_INLINE void StoreOne(const V (&sum)[kVectors], float* to, size_t c) const {
#pragma GCC unroll 2
    for (size_t v = 0; v < kVectors; ++v) {
      if constexpr (kWhole) {
        hn::StoreU(sum[v], D(), to + v * kLanes);
      } else {
        StoreFirst(sum[v], to, channels - c);
      }
    }
  }

  V low, high;
  float* y;
  ptrdiff_t y_step;
  ptrdiff_t y_gap;
  const float* residual;
  ptrdiff_t residual_step;
  ptrdiff_t residual_gap;
  size_t count;
  size_t channels;
  bool nothing;
  bool clamp;
};

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
