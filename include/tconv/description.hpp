// Description of a transposed-convolution layer, and the one function that validates it.
#pragma once

#include <cstdint>

#include "tconv/geometry.hpp"
#include "tconv/types.hpp"

namespace tconv {

constexpr int max_rank = 3;

// What a layer computes. Spatial axes in ONNX's order: rank 1: {W}, rank 2: {H, W}, rank 3: {D, H, W}.
struct Description {
  int rank = 2;              // 1, 2 or 3 spatial axes
  int64_t batch = 1;         // N
  int64_t in_channels = 1;   // Cin
  int64_t out_channels = 1;  // Cout
  int64_t groups = 1;        // divides Cin and Cout
  Axis axis[max_rank];       // the first `rank` are used
  AutoPad auto_pad = AutoPad::notset;
  int64_t output_shape[max_rank] = {0, 0, 0};  // ONNX output_shape; 0 = not given (all given or none)

  DataType data_type = DataType::f32;
  Layout layout = Layout::nchw;
  Pitch input_pitch;
  Pitch output_pitch;
  Pitch residual_pitch;

  Activation input_activation;  // applied to x before the sum: none, relu, leaky_relu or elu (all map 0 to 0)
  Activation activation;        // applied to sum + bias (+ residual)
  bool residual = false;        // add a tensor of the output's shape before the activation
};

// A validated description: always three axes (D, H, W; those that the rank lacks have size 1), padding resolved, pitches filled in.
struct Geometry {
  Axis axis[max_rank];
  int64_t output[max_rank];  // output size per axis
  Pitch input_pitch;         // all fields filled
  Pitch output_pitch;
  Pitch residual_pitch;
  int64_t input_elements;   // N * Cin * D * H * W (without pitch gaps)
  int64_t output_elements;  // N * Cout * D * H * W
  int64_t weight_elements;  // Cin * Cout / groups * taps
  int64_t taps;             // kernel volume
  int64_t multiplications;  // input_elements * Cout / groups * taps: every product of the definition (some fall into the crop)
  int64_t input_span;       // elements from the first to one past the last that run() may read of the input
  int64_t output_span;      // the same of the output
  int64_t residual_span;    // the same of the residual
};

// Checks everything that can be wrong with a description and computes all sizes. Every entry point of the library uses it.
// Errors: invalid_argument or overflow, with the field, its index and value in the message.
Status resolve(const Description& description, Geometry* geometry);

}  // namespace tconv
