// What Strassen's algorithm adds to its products: the left factors, and the sums of products on their way to the output.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

template <bool kCopies>
HWY_INLINE void StrassenFactorsOf(const StrassenInput& s) {
  constexpr int kFirst = kCopies ? 0 : 2;
  constexpr int kLast = kCopies ? strassen_products : strassen_products - 1;
  const size_t vectors = (s.half + kLanes - 1) / kLanes;
  for (size_t i = 0; i < vectors; ++i) {
    const V a11 = LoadColumns(s.upper, i, s.half);
    const V a12 = LoadColumns(s.upper + s.half, i, s.half);
    const V a21 = LoadColumns(s.lower, i, s.half);
    const V a22 = LoadColumns(s.lower + s.half, i, s.half);
    const V s1 = hn::Add(a21, a22);
    const V s2 = hn::Sub(s1, a11);
    const V factor[strassen_products] = {a11, a12, s2, s1, hn::Sub(a12, s2), hn::Sub(a11, a21), a22};
#pragma GCC unroll 8
    for (int p = kFirst; p < kLast; ++p) StoreColumns(factor[p], s.to + p * s.to_factor, i, s.half);
  }
}

void StrassenFactors(const StrassenInput& s) {
  if (s.copies) {
    StrassenFactorsOf<true>(s);
  } else {
    StrassenFactorsOf<false>(s);
  }
}

// kPlain: the panel is whole, there is no residual, and the activation is a clamp.
template <bool kPlain, bool kAlso>
void StrassenRows(const StrassenOutput& s) {
  const D d;
  const ClampBounds limits = BoundsOf(s.epilogue);
  const V low = hn::Set(d, limits.low);
  const V high = hn::Set(d, limits.high);
  const size_t vectors = s.width / kLanes;
  const float* from = s.sum;
  const float* product = s.product;
  [[maybe_unused]] float* also = s.also;
  for (size_t m = 0; m < s.rows; ++m) {
    float* const c = s.c + s.row[m];
    for (size_t v = 0; v < vectors; ++v, from += kLanes, product += kLanes) {
      const V term = hn::Load(d, product);
      V sum = hn::Add(hn::Load(d, from), term);
      if constexpr (kAlso) {
        hn::Store(hn::Add(hn::Load(d, also), term), d, also);
        also += kLanes;
      }
      sum = hn::Add(sum, hn::Load(d, s.bias + v * kLanes));
      if constexpr (kPlain) {
        sum = ClampKeepNaN(sum, low, high);
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
        if (s.streams) {
          hn::Stream(sum, d, c + v * kLanes);
          continue;
        }
#endif
        hn::StoreU(sum, d, c + v * kLanes);
      } else {
        if (s.residual != nullptr) sum = hn::Add(sum, LoadColumns(s.residual + s.residual_row[m], v, s.columns));
        const V slope =
            s.epilogue.kind == ActivationKind::prelu ? hn::Load(d, s.slopes + v * kLanes) : hn::Set(d, s.epilogue.alpha);
        StoreColumns(ApplyEpilogue(sum, s.epilogue, slope), c, v, s.columns);
      }
    }
  }
}

void StrassenSums(const StrassenOutput& s) {
  if (s.residual == nullptr && IsClamp(s.epilogue.kind) && s.columns == s.width) {
    return s.also != nullptr ? StrassenRows<true, true>(s) : StrassenRows<true, false>(s);
  }
  return s.also != nullptr ? StrassenRows<false, true>(s) : StrassenRows<false, false>(s);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
