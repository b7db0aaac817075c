// An index over several ranges taken apart, the range that changes fastest first.
#pragma once

#include <cstdint>

namespace tconv {

class Digits {
 public:
  explicit Digits(int64_t index) : rest_(index) {}

  // The index in the next range, of `size` numbers.
  int64_t next(int64_t size) {
    const int64_t digit = rest_ % size;
    rest_ /= size;
    return digit;
  }
  // What the ranges so far leave: the index in the last one.
  int64_t rest() const { return rest_; }

 private:
  int64_t rest_;
};

}  // namespace tconv
