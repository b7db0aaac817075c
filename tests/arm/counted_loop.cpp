// 1000 times: one multiply-add, one vector load, two more instructions. tests/arm/counter_test.py knows these numbers.
#include "bench/arm/markers.hpp"

int main() {
  alignas(16) static const float x[4] = {1, 2, 3, 4};
  tconv_count_begin();
  asm volatile(
      "mov x9, #1000\n"
      "1: ldr q0, [%0]\n"
      "fmla v1.4s, v0.4s, v0.s[1]\n"
      "subs x9, x9, #1\n"
      "bne 1b\n"
      :
      : "r"(x)
      : "x9", "v0", "v1", "cc", "memory");
  tconv_count_end();
  tconv_count_begin();
  tconv_count_end();
}
