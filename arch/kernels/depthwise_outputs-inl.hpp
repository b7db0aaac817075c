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

// Where some neighbouring outputs go, and what is done to their sums before.
struct DepthwiseOutputs {
  DepthwiseOutputs(const DepthwiseRows& r, float* outputs, const float* residuals, ptrdiff_t apart, size_t number)
      : y(outputs),
        y_step(apart * r.y_stride),
        residual(residuals),
        residual_step(apart * r.residual_stride),
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
  template <size_t kVectors, size_t kCount, bool kAll, bool kWhole, bool kAsk = false>
  HWY_INLINE void Store(const DepthwiseRows& r, V (&sum)[kCount][kVectors], size_t c) const {
    if (HWY_UNLIKELY(residual != nullptr)) {
      const float* from = residual + c;
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; ++i, from += residual_step) {
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
    if (kAsk && c * sizeof(float) % 64 == 0) {
      constexpr ptrdiff_t kAhead = 1024 / sizeof(float);
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; ++i) __builtin_prefetch(to + kAhead + static_cast<ptrdiff_t>(i) * y_step, 1);
    }
    if (kAll || HWY_LIKELY(count >= kCount)) {
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; ++i, to += y_step) StoreOne<kVectors, kWhole>(sum[i], to, c);
    } else {
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; ++i, to += y_step) {
        if (i >= count) break;
        StoreOne<kVectors, kWhole>(sum[i], to, c);
      }
    }
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
  const float* residual;
  ptrdiff_t residual_step;
  size_t count;
  size_t channels;
  bool nothing;
  bool clamp;
};

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
