#include "tconv/geometry/guide.hpp"

#include <cinttypes>

#include "checked.hpp"
#include "geometry_internal.hpp"

// Each function computes the guide's own formula, not the general one of the library: the tests hold the two against each other.

namespace tconv::guide {
namespace {

Status at_least(const char* letter, int64_t value, int64_t least) {
  if (value >= least) return {};
  return Status::error(StatusCode::invalid_argument, "%s = %" PRId64 ": must be at least %" PRId64, letter, value, least);
}

// Conditions common to all: i, k, s >= 1, p >= 0.
Status check(int64_t i, int64_t k, int64_t s, int64_t p) {
  if (Status status = at_least("i", i, 1); !status.ok()) return status;
  if (Status status = at_least("k", k, 1); !status.ok()) return status;
  if (Status status = at_least("s", s, 1); !status.ok()) return status;
  return at_least("p", p, 0);
}

Status odd(int64_t k) {
  if (k % 2 == 1) return {};
  return Status::error(StatusCode::invalid_argument, "k = %" PRId64 ": half padding needs an odd kernel, k = 2n + 1", k);
}

Status overflow() { return Status::error(StatusCode::overflow, "the sizes do not fit in 63 bits"); }

Result<int64_t> positive(Checked output, const char* formula) {
  if (output.overflowed()) return overflow();
  if (output.value() >= 1) return output.value();
  return Status::error(StatusCode::invalid_argument, "o = %s = %" PRId64 ": must be at least 1", formula, output.value());
}

// floor(numerator / s) + 1, where a negative numerator means that the kernel does not fit even once.
Result<int64_t> windows(Checked numerator, int64_t s, const char* formula) {
  if (numerator.overflowed()) return overflow();
  if (numerator.value() >= 0) return positive(Checked(numerator.value() / s) + 1, formula);
  return Status::error(StatusCode::invalid_argument, "%s = %" PRId64 ": must not be negative, the kernel is longer than its input",
                       formula, numerator.value());
}

// i~' and the equivalent convolution with p' zeros at the beginning and p' + a at the end.
Result<Transposed> equivalent(int64_t i, int64_t k, int64_t s, Checked p_prime, int64_t a, Checked output, const char* formula) {
  const Result<int64_t> o = positive(output, formula);
  if (!o.ok()) return o.status();
  const Checked stretched = Checked(i) + (Checked(s) - 1) * (Checked(i) - 1);
  const Checked end = p_prime + a;
  if (stretched.overflowed() || end.overflowed()) return overflow();
  return Transposed{{k, 1, 1, p_prime.value(), end.value(), s - 1, stretched.value()}, *o};
}

}  // namespace

Result<int64_t> no_padding_unit_stride(int64_t i, int64_t k) {
  if (Status s = check(i, k, 1, 0); !s.ok()) return s;
  return positive(Checked(i) - k + 1, "i - k + 1");
}

Result<int64_t> padding_unit_stride(int64_t i, int64_t k, int64_t p) {
  if (Status s = check(i, k, 1, p); !s.ok()) return s;
  return positive(Checked(i) - k + Checked(2) * p + 1, "i - k + 2p + 1");
}

Result<int64_t> half_padding_unit_stride(int64_t i, int64_t k) {
  if (Status s = check(i, k, 1, 0); !s.ok()) return s;
  if (Status s = odd(k); !s.ok()) return s;
  return positive(Checked(i) + Checked(2) * (k / 2) - (k - 1), "i");
}

Result<int64_t> full_padding_unit_stride(int64_t i, int64_t k) {
  if (Status s = check(i, k, 1, 0); !s.ok()) return s;
  return positive(Checked(i) + (k - 1), "i + (k - 1)");
}

Result<int64_t> no_padding(int64_t i, int64_t k, int64_t s) {
  if (Status status = check(i, k, s, 0); !status.ok()) return status;
  return windows(Checked(i) - k, s, "i - k");
}

Result<int64_t> padding(int64_t i, int64_t k, int64_t s, int64_t p) {
  if (Status status = check(i, k, s, p); !status.ok()) return status;
  return windows(Checked(i) + Checked(2) * p - k, s, "i + 2p - k");
}

Result<int64_t> pooling(int64_t i, int64_t k, int64_t s) {
  if (Status status = check(i, k, s, 0); !status.ok()) return status;
  return windows(Checked(i) - k, s, "i - k");
}

Result<Transposed> transposed_no_padding_unit_stride(int64_t i, int64_t k) {
  if (Status s = check(i, k, 1, 0); !s.ok()) return s;
  return equivalent(i, k, 1, Checked(k) - 1, 0, Checked(i) + (k - 1), "i' + (k - 1)");
}

Result<Transposed> transposed_padding_unit_stride(int64_t i, int64_t k, int64_t p) {
  if (Status s = check(i, k, 1, p); !s.ok()) return s;
  return equivalent(i, k, 1, Checked(k) - p - 1, 0, Checked(i) + (k - 1) - Checked(2) * p, "i' + (k - 1) - 2p");
}

Result<Transposed> transposed_half_padding_unit_stride(int64_t i, int64_t k) {
  if (Status s = check(i, k, 1, 0); !s.ok()) return s;
  if (Status s = odd(k); !s.ok()) return s;
  return equivalent(i, k, 1, k / 2, 0, i, "i'");
}

Result<Transposed> transposed_full_padding_unit_stride(int64_t i, int64_t k) {
  if (Status s = check(i, k, 1, 0); !s.ok()) return s;
  return equivalent(i, k, 1, 0, 0, Checked(i) - (k - 1), "i' - (k - 1)");
}

Result<Transposed> transposed_no_padding(int64_t i, int64_t k, int64_t s) {
  if (Status status = check(i, k, s, 0); !status.ok()) return status;
  return equivalent(i, k, s, Checked(k) - 1, 0, Checked(s) * (Checked(i) - 1) + k, "s (i' - 1) + k");
}

Result<Transposed> transposed_padding(int64_t i, int64_t k, int64_t s, int64_t p) {
  if (Status status = check(i, k, s, p); !status.ok()) return status;
  return equivalent(i, k, s, Checked(k) - p - 1, 0, Checked(s) * (Checked(i) - 1) + k - Checked(2) * p, "s (i' - 1) + k - 2p");
}

Result<Transposed> transposed_remainder(int64_t i, int64_t k, int64_t s, int64_t p, int64_t a) {
  if (Status status = check(i, k, s, p); !status.ok()) return status;
  if (a < 0 || a >= s) {
    return Status::error(StatusCode::invalid_argument,
                         "a = %" PRId64 ": is (i + 2p - k) mod s of the convolution, so 0 <= a < s = %" PRId64, a, s);
  }
  return equivalent(i, k, s, Checked(k) - p - 1, a, Checked(s) * (Checked(i) - 1) + a + k - Checked(2) * p,
                    "s (i' - 1) + a + k - 2p");
}

Result<int64_t> dilated(int64_t i, int64_t k, int64_t s, int64_t p, int64_t d) {
  if (Status status = check(i, k, s, p); !status.ok()) return status;
  if (Status status = at_least("d", d, 1); !status.ok()) return status;
  return windows(Checked(i) + Checked(2) * p - k - (Checked(k) - 1) * (Checked(d) - 1), s, "i + 2p - k - (k - 1)(d - 1)");
}

int relationship_of(const Axis& axis) {
  if (axis.dilation != 1 || axis.pad_begin != axis.pad_end || axis.output_padding >= axis.stride) return 0;
  const int64_t p = axis.pad_begin;
  if (axis.stride > 1) return axis.output_padding > 0 ? 14 : p > 0 ? 13 : 12;
  if (p == 0) return 8;
  if (axis.kernel % 2 == 1 && p == axis.kernel / 2) return 10;
  return p == axis.kernel - 1 ? 11 : 9;
}

}  // namespace tconv::guide
