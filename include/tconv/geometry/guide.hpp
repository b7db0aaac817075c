// The fifteen numbered relationships of Dumoulin & Visin, "A guide to convolution arithmetic for deep learning"
// (arXiv 1603.07285v2), one function each, in the guide's letters: input i, kernel k, stride s, zero padding p, output o;
// letters with a prime belong to the transposed convolution.
//
// They are special cases of convolution_output() (1-7, 15) and of output_size() with equivalent_convolution() (8-14), and are
// tested to agree with them. Each checks the conditions under which the guide states it. Errors: invalid_argument naming the
// letter and the condition that fails; overflow.
#pragma once

#include <cstdint>

#include "tconv/geometry/phases.hpp"
#include "tconv/types.hpp"

namespace tconv::guide {

// --- Convolution, unit stride

// Relationship 1, no zero padding: s = 1, p = 0:                       o = (i - k) + 1
Result<int64_t> no_padding_unit_stride(int64_t i, int64_t k);

// Relationship 2, arbitrary zero padding: s = 1:                       o = (i - k) + 2p + 1
Result<int64_t> padding_unit_stride(int64_t i, int64_t k, int64_t p);

// Relationship 3, half ("same") padding: s = 1, k = 2n + 1, p = n:     o = i + 2 floor(k / 2) - (k - 1) = i
Result<int64_t> half_padding_unit_stride(int64_t i, int64_t k);

// Relationship 4, full padding: s = 1, p = k - 1:                      o = i + 2 (k - 1) - (k - 1) = i + (k - 1)
Result<int64_t> full_padding_unit_stride(int64_t i, int64_t k);

// --- Convolution, any stride; pooling

// Relationship 5, no zero padding: p = 0:                              o = floor((i - k) / s) + 1
Result<int64_t> no_padding(int64_t i, int64_t k, int64_t s);

// Relationship 6, arbitrary zero padding:                              o = floor((i + 2p - k) / s) + 1
Result<int64_t> padding(int64_t i, int64_t k, int64_t s, int64_t p);

// Relationship 7, pooling (never padded):                              o = floor((i - k) / s) + 1
Result<int64_t> pooling(int64_t i, int64_t k, int64_t s);

// --- Transposed convolution

// What relationships 8-14 say: the ordinary convolution of stride 1 that gives the same result, and the output size.
struct Transposed {
  EquivalentConvolution equivalent;  // k', s' = 1, p' at both ends, the inserted zeros, i~'
  int64_t output = 0;                // o'
};

// Relationship 8, the transpose of s = 1, p = 0:     k' = k, s' = 1, p' = k - 1;         o' = i' + (k - 1)
Result<Transposed> transposed_no_padding_unit_stride(int64_t i, int64_t k);

// Relationship 9, the transpose of s = 1, any p:     k' = k, s' = 1, p' = k - p - 1;     o' = i' + (k - 1) - 2p
Result<Transposed> transposed_padding_unit_stride(int64_t i, int64_t k, int64_t p);

// Relationship 10, of half padding, s = 1, k = 2n + 1, p = n:   k' = k, s' = 1, p' = p;  o' = i' + (k - 1) - 2p = i'
Result<Transposed> transposed_half_padding_unit_stride(int64_t i, int64_t k);

// Relationship 11, of full padding, s = 1, p = k - 1:           k' = k, s' = 1, p' = 0;  o' = i' + (k - 1) - 2p = i' - (k - 1)
Result<Transposed> transposed_full_padding_unit_stride(int64_t i, int64_t k);

// Relationship 12, p = 0, the convolution's i - k a multiple of s. Inserting s - 1 zeros stretches the input to
//     i~' = i' + (s - 1)(i' - 1);    k' = k, s' = 1, p' = k - 1;    o' = s (i' - 1) + k
Result<Transposed> transposed_no_padding(int64_t i, int64_t k, int64_t s);

// Relationship 13, any p, the convolution's i + 2p - k a multiple of s:
//     i~' = i' + (s - 1)(i' - 1);    k' = k, s' = 1, p' = k - p - 1;    o' = s (i' - 1) + k - 2p
Result<Transposed> transposed_padding(int64_t i, int64_t k, int64_t s, int64_t p);

// Relationship 14, the general one. a = (i + 2p - k) mod s of the convolution, 0 <= a < s; a more zeros at the end:
//     i~' = i' + (s - 1)(i' - 1);    k' = k, s' = 1, p' = k - p - 1 (+ a at the end);    o' = s (i' - 1) + a + k - 2p
Result<Transposed> transposed_remainder(int64_t i, int64_t k, int64_t s, int64_t p, int64_t a);

// --- Dilated convolution

// Relationship 15, dilation d (d - 1 holes between taps):              o = floor((i + 2p - k - (k - 1)(d - 1)) / s) + 1
Result<int64_t> dilated(int64_t i, int64_t k, int64_t s, int64_t p, int64_t d);

// The number (8-14) of the most special relationship that describes this layer; 0 when the guide has none: dilation,
// different padding at the two ends, or op >= s.
int relationship_of(const Axis& axis);

}  // namespace tconv::guide
