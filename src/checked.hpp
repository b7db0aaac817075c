// 64-bit integer arithmetic that remembers whether it overflowed.
#pragma once

#include <cstdint>

namespace tconv {

class Checked {
 public:
  Checked(int64_t value) : value_(value) {}  // NOLINT: implicit by design

  int64_t value() const { return value_; }
  bool overflowed() const { return overflowed_; }

  friend Checked operator+(Checked a, Checked b) {
    Checked r(0);
    r.overflowed_ = __builtin_add_overflow(a.value_, b.value_, &r.value_) | a.overflowed_ | b.overflowed_;
    return r;
  }
  friend Checked operator-(Checked a, Checked b) {
    Checked r(0);
    r.overflowed_ = __builtin_sub_overflow(a.value_, b.value_, &r.value_) | a.overflowed_ | b.overflowed_;
    return r;
  }
  friend Checked operator*(Checked a, Checked b) {
    Checked r(0);
    r.overflowed_ = __builtin_mul_overflow(a.value_, b.value_, &r.value_) | a.overflowed_ | b.overflowed_;
    return r;
  }

 private:
  int64_t value_;
  bool overflowed_ = false;
};

// floor(a / b) and ceil(a / b) for b > 0 and any a.
constexpr int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
constexpr int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b > 0 ? 1 : 0); }

// stride * pitch, the distance between `count` neighbours; 0 where there are no two (the product need not fit in 63 bits then).
constexpr int64_t neighbour_distance(int64_t count, int64_t stride, int64_t pitch) { return count > 1 ? stride * pitch : 0; }

}  // namespace tconv
