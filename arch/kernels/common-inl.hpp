// Vector type, masked tails and the clamp-like activations, shared by the kernels of one target.
// Included once per target, after highway.h, inside HWY_BEFORE_NAMESPACE / HWY_AFTER_NAMESPACE of the including file.
namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr size_t kLanes = HWY_LANES(float);

// All lanes = *x, in one instruction.
HWY_INLINE V LoadBroadcast(const float* x) {
#if HWY_TARGET == HWY_NEON
  return V(vld1q_dup_f32(x));
#else
  return hn::Set(D(), *x);
#endif
}

// Loads the first n lanes (0 < n < lanes), zeros above. Touches nothing beyond x[n - 1].
HWY_INLINE V LoadFirst(const float* x, size_t n) {
  const D d;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  return hn::MaskedLoad(hn::FirstN(d, n), d, x);
#elif HWY_TARGET == HWY_SCALAR
  static_cast<void>(x);
  static_cast<void>(n);
  return hn::Zero(d);  // never: a vector is one number
#else
  // Without branches, which would take more room than all else: lanes beyond n get the last number, and are cleared.
  static_assert(kLanes == 4);
  V v = hn::Zero(d);
  v.raw[0] = x[0];
  v.raw[1] = x[n > 1 ? 1 : 0];
  v.raw[2] = x[n - 1];
  return hn::IfThenElseZero(hn::FirstN(d, n), v);
#endif
}

// Stores the first n lanes (0 < n < lanes). Touches nothing beyond x[n - 1].
HWY_INLINE void StoreFirst(V v, float* x, size_t n) {
#if HWY_TARGET == HWY_AVX2
  const D d;
  _mm256_maskstore_ps(x, _mm256_castps_si256(hn::VecFromMask(d, hn::FirstN(d, n)).raw), v.raw);
#elif HWY_TARGET == HWY_AVX3
  _mm512_mask_storeu_ps(x, static_cast<__mmask16>((1u << n) - 1), v.raw);
#elif HWY_TARGET == HWY_SCALAR
  static_cast<void>(v);
  static_cast<void>(x);
  static_cast<void>(n);
#else
  // In descending order: what is in the way of a lane before it is overwritten.
  x[n - 1] = v.raw[2];
  x[n > 1 ? 1 : 0] = v.raw[1];
  x[0] = v.raw[0];
#endif
}

// Vector `index` of a row that ends after `count` elements.
HWY_INLINE V LoadColumns(const float* row, size_t index, size_t count) {
  const size_t begin = index * kLanes;
  if (HWY_LIKELY(begin + kLanes <= count)) return hn::LoadU(D(), row + begin);
  return begin < count ? LoadFirst(row + begin, count - begin) : hn::Zero(D());
}

HWY_INLINE void StoreColumns(V v, float* row, size_t index, size_t count) {
  const size_t begin = index * kLanes;
  if (HWY_LIKELY(begin + kLanes <= count)) {
    hn::StoreU(v, D(), row + begin);
  } else if (begin < count) {
    StoreFirst(v, row + begin, count - begin);
  }
}

// sum += a * b. GCC 12 lets a product overwrite any of its three operands: accumulators then wander from register to register and,
// in the largest tiles, by way of the stack. This one stays.
HWY_INLINE void Accumulate(V& sum, V a, V b) {
#if (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3) && HWY_COMPILER_GCC_ACTUAL
  asm("vfmadd231ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
#else
  sum = hn::MulAdd(a, b, sum);
#endif
}

// min(max(v, low), high) that lets NaN through: x86's max and min return their second operand when one is NaN.
HWY_INLINE V ClampKeepNaN(V v, V low, V high) {
#if HWY_TARGET == HWY_NEON
  return V(vminq_f32(vmaxq_f32(v.raw, low.raw), high.raw));  // NaN when any operand is one (Highway's Max takes the number)
#elif HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Min(high, hn::Max(low, v));
#else
  v = hn::IfThenElse(hn::Lt(v, low), low, v);
  return hn::IfThenElse(hn::Lt(high, v), high, v);
#endif
}

// none, relu and clamp as one clamp.
struct ClampBounds {
  float low;
  float high;
};
HWY_INLINE ClampBounds BoundsOf(const Epilogue& e) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  switch (e.kind) {
    case ActivationKind::relu:
      return {0.0f, infinity};
    case ActivationKind::clamp:
      return {e.alpha, e.beta};
    default:
      return {-infinity, infinity};
  }
}
HWY_INLINE bool IsClamp(ActivationKind kind) { return is_clamp(kind); }

// The same for vectors.
struct Clamp {
  V low;
  V high;

  explicit HWY_INLINE Clamp(const Epilogue& e) {
    const ClampBounds bounds = BoundsOf(e);
    low = hn::Set(D(), bounds.low);
    high = hn::Set(D(), bounds.high);
  }
  HWY_INLINE V operator()(V v) const { return ClampKeepNaN(v, low, high); }
};

HWY_INLINE V LeakyRelu(V v, V slope) { return hn::IfThenElse(hn::Lt(v, hn::Zero(D())), hn::Mul(v, slope), v); }

// x * clamp(x / 6 + 1 / 2, 0, 1)
HWY_INLINE V HardSwish(V v) {
  const D d;
  const V gate = hn::MulAdd(v, hn::Set(d, 1.0f / 6.0f), hn::Set(d, 0.5f));
  return hn::Mul(v, ClampKeepNaN(gate, hn::Zero(d), hn::Set(d, 1.0f)));
}

// Calls apply(f) with the clamp-like activation f, which is chosen once for all vectors that apply() has; `slope` is for prelu and
// leaky_relu. A kind that is not named here would become no activation at all.
template <typename Apply>
HWY_INLINE void WithEpilogue(const Epilogue& e, V slope, const Apply& apply) {
  switch (e.kind) {
    case ActivationKind::leaky_relu:
    case ActivationKind::prelu:
      return apply([slope](V v) { return LeakyRelu(v, slope); });
    case ActivationKind::hard_swish:
      return apply([](V v) { return HardSwish(v); });
    default:
      return apply(Clamp(e));
  }
}

// One vector.
HWY_INLINE V ApplyEpilogue(V v, const Epilogue& e, V slope) {
  WithEpilogue(e, slope, [&v](const auto& f) { v = f(v); });
  return v;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
