// winograd_input, winograd_output: the transforms of Winograd domains, straight-line code that is generated from
// arch/cook_toom.hpp.
//
// Input. Where 1 and -1 are among many points, all others share the factor x^2 - 1 of M and work on t_k = d_{k+2} - d_k. A pair of
// opposite points (a, -a) shares N(x) = product of (x - a_j) over all finite points but these two: M_a = (x + a) N,
// M_-a = (x - a) N, so with u = N applied to the inputs and v = N applied one input further, both are multiples of v +- a u.
// Output. a^t of a pair of opposite points is equal for even t and opposite for odd t: t meets the sum or the difference of the
// two products.
//
// Zero coefficients vanish, 1 and -1 are additions, all others fused multiply-adds. Where pairs lie in the list of points and which
// rows need which inputs is known at compile time. One function per domain (and number of outputs), never inlined.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

static_assert(max_points == cook_toom::max_points);

constexpr bool kStreamsOutputs = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

// Coefficients of a linear combination.
struct Combination {
  double c[max_points] = {};

  constexpr size_t find(double wanted) const {
    size_t i = 0;
    while (i < max_points && c[i] != wanted) ++i;
    return i;
  }
  // The term to begin with: one that needs no multiplication, if there is any.
  constexpr size_t first() const {
    if (find(1) < max_points) return find(1);
    size_t i = 0;
    while (i < max_points && c[i] == 0) ++i;
    return i;
  }
};

// sum += c[k] * x[k] for k >= kTerm but the first().
template <typename Terms, size_t kTerm>
HWY_INLINE void AddTerms(const V* x, V& sum) {
  if constexpr (kTerm < max_points) {
    constexpr double c = Terms::value.c[kTerm];
    if constexpr (c != 0 && kTerm != Terms::value.first()) {
      if constexpr (c == 1) {
        sum = hn::Add(sum, x[kTerm]);
      } else if constexpr (c == -1) {
        sum = hn::Sub(sum, x[kTerm]);
      } else {
        sum = hn::MulAdd(hn::Set(D(), static_cast<float>(c)), x[kTerm], sum);
      }
    }
    AddTerms<Terms, kTerm + 1>(x, sum);
  }
}

// sum of c[k] * x[k]; Terms::value is a Combination.
template <typename Terms>
HWY_INLINE V Combine(const V* x) {
  constexpr size_t kFirst = Terms::value.first();
  constexpr double c = Terms::value.c[kFirst];
  V sum = x[kFirst];
  if constexpr (c != 1) sum = hn::Mul(sum, hn::Set(D(), static_cast<float>(c)));
  AddTerms<Terms, 0>(x, sum);
  return sum;
}

// Is point i the first of a pair of opposite points, i and i + 1?
constexpr bool IsPair(int points, int i) {
  return i > 0 && i + 1 < points - 1 && cook_toom::finite_point(points, i + 1) == -cook_toom::finite_point(points, i);
}
// Are there differences t, and does a point work on them?
constexpr bool HasDifferences(int points) {
  return points >= 5 && cook_toom::finite_point(points, 1) == 1 && cook_toom::finite_point(points, 2) == -1;
}
constexpr bool OnDifferences(int points, int i) { return HasDifferences(points) && i != 1 && i != 2; }

// Coefficients of (product of roots but those of two points) * scale, divided by x^2 - 1 where the points work on differences.
// p = q (x^2 - 1) means p_i = q_{i-2} - q_i.
constexpr Combination ScaledRoots(int points, int left_out, int second_left_out, cook_toom::Rational scale, bool on_differences) {
  const cook_toom::Polynomial p = cook_toom::product_of_roots(points, left_out, second_left_out);
  cook_toom::Rational q[max_points];
  Combination result;
  for (int i = 0; i < max_points; ++i) {
    q[i] = on_differences ? (i >= 2 ? q[i - 2] : cook_toom::Rational()) - p.coefficient[i] : p.coefficient[i];
    result.c[i] = (q[i] * scale).value();
  }
  return result;
}

template <int kPoints, int kPoint>
struct SingleRow {
  static constexpr Combination value =
      ScaledRoots(kPoints, cook_toom::is_infinity(kPoints, kPoint) ? -1 : kPoint, -1,
                  cook_toom::Rational(1) / cook_toom::denominator(kPoints, kPoint), OnDifferences(kPoints, kPoint));
};
template <int kPoints, int kPoint>
struct PairFactor {
  static constexpr Combination value = ScaledRoots(kPoints, kPoint, kPoint + 1, 1, OnDifferences(kPoints, kPoint));
};

// transformed[kPoint ...] from d (inputs) and t (their differences).
template <int kPoints, int kPoint>
HWY_INLINE void TransformInputs(const V* d, const V* t, V* transformed) {
  if constexpr (kPoint < kPoints) {
    constexpr bool kDifferences = OnDifferences(kPoints, kPoint);
    const V* const x = kDifferences ? t : d;
    if constexpr (IsPair(kPoints, kPoint)) {
      const D tag;
      constexpr cook_toom::Rational kA = cook_toom::finite_point(kPoints, kPoint);
      constexpr cook_toom::Rational kPlus = cook_toom::Rational(1) / cook_toom::denominator(kPoints, kPoint);
      constexpr cook_toom::Rational kMinus = cook_toom::Rational(1) / cook_toom::denominator(kPoints, kPoint + 1);
      V u = Combine<PairFactor<kPoints, kPoint>>(x);
      V v = Combine<PairFactor<kPoints, kPoint>>(x + 1);
      if constexpr (kPlus == kMinus && kPlus != 1) {
        const V scale = hn::Set(tag, static_cast<float>((kA * kPlus).value()));
        v = hn::Mul(v, hn::Set(tag, static_cast<float>(kPlus.value())));
        transformed[kPoint] = hn::MulAdd(scale, u, v);
        transformed[kPoint + 1] = hn::NegMulAdd(scale, u, v);
      } else {
        if constexpr (kA != 1) u = hn::Mul(u, hn::Set(tag, static_cast<float>(kA.value())));
        transformed[kPoint] = hn::Add(v, u);
        transformed[kPoint + 1] = hn::Sub(v, u);
        if constexpr (kPlus != 1) {
          transformed[kPoint] = hn::Mul(transformed[kPoint], hn::Set(tag, static_cast<float>(kPlus.value())));
        }
        if constexpr (kMinus != 1) {
          transformed[kPoint + 1] = hn::Mul(transformed[kPoint + 1], hn::Set(tag, static_cast<float>(kMinus.value())));
        }
      }
      TransformInputs<kPoints, kPoint + 2>(d, t, transformed);
    } else {
      transformed[kPoint] = Combine<SingleRow<kPoints, kPoint>>(x);
      TransformInputs<kPoints, kPoint + 1>(d, t, transformed);
    }
  }
}

// One vector of each input, of which `lanes` numbers are there.
template <int kPoints, bool kWhole>
HWY_INLINE void InputVector(const float* const (&from)[max_points], float* to, ptrdiff_t to_point, size_t c, size_t lanes) {
  const D tag;
  V d[max_points];
  V t[max_points];
  V transformed[max_points];
#pragma GCC unroll 8
  for (int i = 0; i < kPoints; ++i) d[i] = kWhole ? hn::LoadU(tag, from[i] + c) : LoadFirst(from[i] + c, lanes);
  if constexpr (HasDifferences(kPoints)) {
#pragma GCC unroll 8
    for (int i = 0; i + 2 < kPoints; ++i) t[i] = hn::Sub(d[i + 2], d[i]);
  }
  TransformInputs<kPoints, 0>(d, t, transformed);
#pragma GCC unroll 8
  for (int i = 0; i < kPoints; ++i) {
    float* const at = to + i * to_point + c;
    if constexpr (kWhole) {
      hn::StoreU(transformed[i], tag, at);
    } else {
      StoreFirst(transformed[i], at, lanes);
    }
  }
}

template <int kPoints>
HWY_NOINLINE void WinogradInputRows(const WinogradInput& rows) {
  const float* from[max_points] = {};
#pragma GCC unroll 8
  for (int i = 0; i < kPoints; ++i) from[i] = rows.from[i];
  float* to = rows.to;
  const size_t whole = rows.count / kLanes * kLanes;
  for (size_t r = 0; r < rows.repeats; ++r, to += rows.to_stride) {
    for (size_t c = 0; c < whole; c += kLanes) InputVector<kPoints, true>(from, to, rows.to_point, c, kLanes);
    if (whole < rows.count) InputVector<kPoints, false>(from, to, rows.to_point, whole, rows.count - whole);
#pragma GCC unroll 8
    for (int i = 0; i < kPoints; ++i) from[i] += rows.from_stride[i];
  }
}

// Of output kOutput: coefficients of x[point], where a pair's two places hold its sum and its difference.
template <int kPoints, int kOutputs, int kOutput>
struct OutputRow {
  static constexpr Combination make() {
    Combination result;
    for (int i = 0; i < kPoints; ++i) {
      result.c[i] = cook_toom::output_transform(kPoints, kOutputs, kOutput, i).value();
      if (IsPair(kPoints, i)) {
        result.c[i + kOutput % 2] = result.c[i];
        result.c[i + 1 - kOutput % 2] = 0;
        ++i;
      }
    }
    return result;
  }
  static constexpr Combination value = make();
};

// The products of opposite points become their sums and differences.
template <int kPoints, int kPoint>
HWY_INLINE void CombinePairs(V* x) {
  if constexpr (kPoint + 1 < kPoints - 1) {
    constexpr bool kPair = IsPair(kPoints, kPoint);
    if constexpr (kPair) {
      const V sum = hn::Add(x[kPoint], x[kPoint + 1]);
      x[kPoint + 1] = hn::Sub(x[kPoint], x[kPoint + 1]);
      x[kPoint] = sum;
    }
    CombinePairs<kPoints, kPoint + (kPair ? 2 : 1)>(x);
  }
}

// What a vector of the outputs' columns needs beside the products.
struct OutputColumns {
  V bias, low, high;
};

template <int kPoints, int kOutputs, int kOutput, bool kFinish, bool kWhole>
HWY_INLINE void StoreOutputs(const WinogradOutput& rows, const V* x, const OutputColumns& columns, ptrdiff_t to, ptrdiff_t residual,
                             size_t lanes) {
  if constexpr (kOutput < kOutputs) {
    float* const row = rows.to[kOutput];
    if (HWY_LIKELY(row != nullptr)) {
      V y = Combine<OutputRow<kPoints, kOutputs, kOutput>>(x);
      if constexpr (kFinish) {
        y = hn::Add(y, columns.bias);
        const float* const other = rows.residual[kOutput];
        if (other != nullptr) {
          y = hn::Add(y, kWhole ? hn::LoadU(D(), other + residual) : LoadFirst(other + residual, lanes));
        }
        y = ClampKeepNaN(y, columns.low, columns.high);
      }
      if constexpr (kWhole) {
        if (kStreamsOutputs && kFinish && HWY_UNLIKELY(rows.streams)) {
          hn::Stream(y, D(), row + to);
        } else {
          hn::StoreU(y, D(), row + to);
        }
      } else {
        StoreFirst(y, row + to, lanes);
      }
    }
    StoreOutputs<kPoints, kOutputs, kOutput + 1, kFinish, kWhole>(rows, x, columns, to, residual, lanes);
  }
}

// One vector of each product, c numbers after the first one of a repeat.
template <int kPoints, int kOutputs, bool kFinish, bool kWhole>
HWY_INLINE void OutputVector(const WinogradOutput& rows, const ClampBounds& bounds, const float* const (&from)[max_points],
                             size_t c, ptrdiff_t to, ptrdiff_t residual, size_t lanes) {
  const D tag;
  const auto load = [lanes](const float* p) { return kWhole ? hn::LoadU(D(), p) : LoadFirst(p, lanes); };
  V x[max_points];
  const V zero = hn::Zero(tag);
  x[0] = from[0] != nullptr ? load(from[0] + c) : zero;
#pragma GCC unroll 8
  for (int i = 1; i < kPoints - 1; ++i) x[i] = load(from[i] + c);
  x[kPoints - 1] = from[kPoints - 1] != nullptr ? load(from[kPoints - 1] + c) : zero;
  CombinePairs<kPoints, 1>(x);
  OutputColumns columns{zero, zero, zero};
  if constexpr (kFinish) columns = {load(rows.bias + c), hn::Set(tag, bounds.low), hn::Set(tag, bounds.high)};
  const ptrdiff_t at = static_cast<ptrdiff_t>(c);
  StoreOutputs<kPoints, kOutputs, 0, kFinish, kWhole>(rows, x, columns, to + at, residual + at, lanes);
}

template <int kPoints, int kOutputs, bool kFinish>
HWY_NOINLINE void OutputRows(const WinogradOutput& rows, const ClampBounds& bounds) {
  const float* from[max_points] = {};
  const float* next = rows.from;
#pragma GCC unroll 8
  for (int i = 0; i < kPoints; ++i) {
    if ((i == 0 && !rows.has_first) || (i == kPoints - 1 && !rows.has_last)) continue;
    from[i] = next;
    next += rows.from_point;
  }
  const size_t whole = rows.count / kLanes * kLanes;
  ptrdiff_t to = 0;
  ptrdiff_t residual = 0;
  for (size_t r = 0; r < rows.repeats; ++r, to += rows.to_stride, residual += rows.residual_stride) {
    for (size_t c = 0; c < whole; c += kLanes) {
      OutputVector<kPoints, kOutputs, kFinish, true>(rows, bounds, from, c, to, residual, kLanes);
    }
    if (whole < rows.count) {
      OutputVector<kPoints, kOutputs, kFinish, false>(rows, bounds, from, whole, to, residual, rows.count - whole);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kPoints; ++i) {
      if (from[i] != nullptr) from[i] += rows.from_stride;
    }
  }
}

// The activations that are no clamp, over sums that were just stored.
HWY_NOINLINE void ActivateOutputs(const WinogradOutput& rows, size_t outputs) {
  const D tag;
  for (size_t t = 0; t < outputs; ++t) {
    for (size_t r = 0; r < rows.repeats && rows.to[t] != nullptr; ++r) {
      float* const row = rows.to[t] + static_cast<ptrdiff_t>(r) * rows.to_stride;
      for (size_t i = 0; i * kLanes < rows.count; ++i) {
        const bool prelu = rows.epilogue.kind == ActivationKind::prelu;
        const V slope = prelu ? LoadColumns(rows.slopes, i, rows.count) : hn::Set(tag, rows.epilogue.alpha);
        StoreColumns(ApplyEpilogue(LoadColumns(row, i, rows.count), rows.epilogue, slope), row, i, rows.count);
      }
    }
  }
}

template <int kPoints, int kOutputs>
void WinogradOutputRows(const WinogradOutput& rows) {
  if (rows.bias == nullptr) return OutputRows<kPoints, kOutputs, false>(rows, {});
  const bool clamp = IsClamp(rows.epilogue.kind);
  OutputRows<kPoints, kOutputs, true>(rows, BoundsOf(clamp ? rows.epilogue : Epilogue{}));
  if (!clamp) ActivateOutputs(rows, kOutputs);
}

template <int kPoints, int kOutputs>
void FillWinogradOutputs(KernelTable* table) {
  if constexpr (kOutputs >= 2) {
    table->winograd_output[kPoints][kOutputs] = WinogradOutputRows<kPoints, kOutputs>;
    FillWinogradOutputs<kPoints, kOutputs - 1>(table);
  }
}

template <int kPoints>
void FillWinograd(KernelTable* table) {
  if constexpr (kPoints >= cook_toom::fewest_points) {
    table->winograd_input[kPoints] = WinogradInputRows<kPoints>;
    FillWinogradOutputs<kPoints, kPoints - 1>(table);
    FillWinograd<kPoints - 1>(table);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
