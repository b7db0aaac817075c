// How far results of Strassen's algorithm (one level, in Winograd's form) may be from the oracle, and where NaN and infinity may
// spread.
//
// Rounding. Input channels k and K / 2 + k are added up, and so are pixels and columns. With |x| <= D_k in both channels of a pair
//   and all pixels of an image, |w| <= W_k in both and all columns, the factors of the products P1 .. P7 (src/strassen.hpp) are at
//   most (1, 1, 3, 2, 4, 2, 1) D_k and (1, 1, 3, 2, 1, 2, 4) W_k. So the products that make up an output are at most
//   1 + 9 + 4 + 4 = 18 times the sum over k of D_k W_k, and as they are one long sum of up to 4 (K / 2) terms whose left factors
//   are rounded three times and whose right ones once, with bias and residual,
//
//       |error| <= gamma(2 K + 8) * 18 * sum over k < K / 2 of  D_k W_k
//
//   Small whole numbers stay exact.
//
// NaN and infinity in an input pixel reach the outputs of that pixel and of the one that it is added to, which is of the same
// image.
//   There anything may stand, but for this: an output that the definition makes from a NaN is NaN.
#pragma once

#include "support/tolerance.hpp"

namespace tconv_test {

// `direct`: what expect() says of the same data.
Expectation expect_strassen(const Expectation& direct, const LayerSizes& sizes, const tconv::Description& description, bool exact,
                            const Doubles& x, const Doubles& w);

}  // namespace tconv_test
