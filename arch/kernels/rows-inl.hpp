// Operations on rows of numbers: interleaving the x-phases of a planar row, bias and activation, residual.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// y[kPhases * q + r] = t[r][q]
template <size_t kPhases>
HWY_INLINE void InterleavePhases(const float* HWY_RESTRICT t, ptrdiff_t t_stride, size_t count, float* HWY_RESTRICT y) {
  const D d;
  size_t q = 0;
  for (; q + kLanes <= count; q += kLanes) {
    const V a = hn::LoadU(d, t + q);
    if constexpr (kPhases == 1) {
      hn::StoreU(a, d, y + q);
    } else {
      const V b = hn::LoadU(d, t + t_stride + q);
      if constexpr (kPhases == 2) {
        hn::StoreInterleaved2(a, b, d, y + 2 * q);
      } else {
        const V c = hn::LoadU(d, t + 2 * t_stride + q);
        if constexpr (kPhases == 3) {
          hn::StoreInterleaved3(a, b, c, d, y + 3 * q);
        } else {
          hn::StoreInterleaved4(a, b, c, hn::LoadU(d, t + 3 * t_stride + q), d, y + 4 * q);
        }
      }
    }
  }
  for (; q < count; ++q) {
    for (size_t r = 0; r < kPhases; ++r) y[kPhases * q + r] = t[static_cast<ptrdiff_t>(r) * t_stride + static_cast<ptrdiff_t>(q)];
  }
}

void Interleave(const float* t, ptrdiff_t t_stride, size_t phases, size_t count, float* y) {
  switch (phases) {
    case 1:
      return InterleavePhases<1>(t, t_stride, count, y);
    case 2:
      return InterleavePhases<2>(t, t_stride, count, y);
    case 3:
      return InterleavePhases<3>(t, t_stride, count, y);
    case 4:
      return InterleavePhases<4>(t, t_stride, count, y);
    default:
      for (size_t q = 0; q < count; ++q) {
        for (size_t r = 0; r < phases; ++r) y[phases * q + r] = t[static_cast<ptrdiff_t>(r) * t_stride + static_cast<ptrdiff_t>(q)];
      }
  }
}

// In blocks of 4 x 4, each four vectors of 128 bits.
void Transpose(const float* from, ptrdiff_t from_stride, size_t rows, size_t columns, float* to, ptrdiff_t to_stride) {
  size_t r = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d;
  for (; r + 4 <= rows; r += 4) {
    const float* const f = from + static_cast<ptrdiff_t>(r) * from_stride;
    size_t c = 0;
    for (; c + 4 <= columns; c += 4) {
      const auto a0 = hn::LoadU(d, f + c);
      const auto a1 = hn::LoadU(d, f + from_stride + c);
      const auto a2 = hn::LoadU(d, f + 2 * from_stride + c);
      const auto a3 = hn::LoadU(d, f + 3 * from_stride + c);
      const auto b0 = hn::InterleaveLower(d, a0, a1);
      const auto b1 = hn::InterleaveLower(d, a2, a3);
      const auto b2 = hn::InterleaveUpper(d, a0, a1);
      const auto b3 = hn::InterleaveUpper(d, a2, a3);
      float* const t = to + static_cast<ptrdiff_t>(c) * to_stride + r;
      hn::StoreU(hn::ConcatLowerLower(d, b1, b0), d, t);
      hn::StoreU(hn::ConcatUpperUpper(d, b1, b0), d, t + to_stride);
      hn::StoreU(hn::ConcatLowerLower(d, b3, b2), d, t + 2 * to_stride);
      hn::StoreU(hn::ConcatUpperUpper(d, b3, b2), d, t + 3 * to_stride);
    }
    for (; c < columns; ++c) {
      for (ptrdiff_t i = 0; i < 4; ++i)
        to[static_cast<ptrdiff_t>(c) * to_stride + static_cast<ptrdiff_t>(r) + i] = f[i * from_stride + static_cast<ptrdiff_t>(c)];
    }
  }
#endif
  for (; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) {
      to[static_cast<ptrdiff_t>(c) * to_stride + static_cast<ptrdiff_t>(r)] =
          from[static_cast<ptrdiff_t>(r) * from_stride + static_cast<ptrdiff_t>(c)];
    }
  }
}

void ApplyRowEpilogue(float* x, size_t n, const RowEpilogue& e) {
  const D d;
  const V bias = hn::Set(d, e.bias);
  const V slope = hn::Set(d, e.epilogue.kind == ActivationKind::prelu ? e.slope : e.epilogue.alpha);
  for (size_t i = 0; i < n; i += kLanes) {
    StoreColumns(ApplyEpilogue(hn::Add(LoadColumns(x + i, 0, n - i), bias), e.epilogue, slope), x + i, 0, n - i);
  }
}

void AddRowResidual(const float* x, const float* residual, float* y, size_t n, const RowEpilogue& e) {
  const D d;
  const V bias = hn::Set(d, e.bias);
  const V slope = hn::Set(d, e.epilogue.kind == ActivationKind::prelu ? e.slope : e.epilogue.alpha);
  for (size_t i = 0; i < n; i += kLanes) {
    const V sum = hn::Add(hn::Add(LoadColumns(x + i, 0, n - i), bias), LoadColumns(residual + i, 0, n - i));
    StoreColumns(ApplyEpilogue(sum, e.epilogue, slope), y + i, 0, n - i);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
