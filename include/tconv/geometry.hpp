// Convolution arithmetic: how sizes, padding, strides and taps of a transposed convolution hang together, one axis at a time.
//
//     tconv::Axis axis;                              // 5 inputs, 3 taps, stride 2
//     axis.input = 5; axis.kernel = 3; axis.stride = 2;
//     int64_t size = 0;
//     tconv::Status status = tconv::output_size(axis, "", &size);          // size = 2 * 4 + 2 + 1 = 11
//     for (int64_t r = 0; r < axis.stride; ++r) tconv::Phase phase = tconv::phase_of(axis, r);   // taps {0, 2} and {1}
//
// Names: those of Dumoulin & Visin, "A guide to convolution arithmetic for deep learning" (arXiv 1603.07285), and of ONNX
// ConvTranspose; where they differ, ONNX. Everything here is exact 64-bit integer arithmetic, checked for overflow; all
// functions are pure, allocate nothing and may be called from any thread. docs/arithmetic.md explains them from the ground up.
#pragma once

#include "tconv/geometry/axis.hpp"         // a transposed convolution along one axis: sizes, padding, output padding
#include "tconv/geometry/convolution.hpp"  // the ordinary convolution it belongs to: sizes both ways, remainder, "same"
#include "tconv/geometry/guide.hpp"        // the guide's fifteen relationships, one function each
#include "tconv/geometry/phases.hpp"       // zero insertion, and the s phases that need none
#include "tconv/geometry/work.hpp"         // how many multiplications each way does, and how many meet a zero
