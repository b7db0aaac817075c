// Parameters of the kernels of Strassen's algorithm.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/parameters/epilogue.hpp"

namespace tconv::arch {

// Products of Strassen's algorithm in Winograd's form (src/strassen.hpp).
constexpr int strassen_products = 7;

// strassen_input: the left factors of all products, from a row of the upper half and one of the lower: to[product][i], i < half.
struct StrassenInput {
  const float* upper;  // A11, then A12
  const float* lower;  // A21, then A22
  size_t half;
  float* to;
  ptrdiff_t to_factor;  // between products
  bool copies;          // else those that are no sums, A11, A12 and A22, are left out: they are read where they lie
};

// strassen_output: C = f(bias + sum + product + residual), rows of one panel.
struct StrassenOutput {
  const float* sum;  // a row of `width` floats after the other, 64-byte aligned
  const float* product;
  float* also;   // or nullptr: another sum, to which the product is added
  size_t width;  // of a panel, whole vectors
  size_t rows;
  float* c;
  const ptrdiff_t* row;   // where each row lies in C
  size_t columns;         // of them, as in GemmStrip
  const float* bias;      // panel-wide (padded)
  const float* residual;  // or nullptr
  const ptrdiff_t* residual_row;
  const float* slopes;  // panel-wide, for prelu
  Epilogue epilogue;
  bool streams;  // as in GemmStrip
};

}  // namespace tconv::arch
