// Operations on rows of numbers: transposition, bias and activation, residual.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

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
