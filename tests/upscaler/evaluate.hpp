// The networks' operators a second time: plain loops over the definitions, in double precision, each value with a bound on how far
// a correct evaluation in single precision may lie from it. Nothing here knows of transposed convolutions with stride 1, of tiles
// or of fusion.
//
// Bound. A sum of L products in floating point differs from the exact one by at most about 4 sqrt(L) u sum |x| |w| with
// overwhelming probability (Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019), u = 2^-24; errors e
// of the input pass through |w|:  error = sum |w| (e + g |x|) + g |b|,  g = 4 sqrt(L + 4) u.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tools/io/png.hpp"
#include "tools/onnx/model.hpp"

namespace tconv_test {

using Size3 = std::array<int64_t, 3>;

// [channels, depth, height, width]
struct Map {
  int64_t channels = 0;
  Size3 size{};
  std::vector<double> value;
  std::vector<double> error;

  int64_t cells() const { return size[0] * size[1] * size[2]; }
};

struct ConvolutionSpec {
  int64_t out_channels = 1;
  int64_t groups = 1;
  Size3 kernel{1, 1, 1};
  Size3 dilation{1, 1, 1};
  Size3 pad_begin{};
  Size3 pad_end{};
};

// y[m, o] = b[m] + sum over c, t of x[c, o + d t - p] w[m, c, t]; weights [out_channels, in_channels / groups, kernel...].
Map convolution(const Map& x, const ConvolutionSpec& spec, const std::vector<float>& weights, const std::vector<float>& bias);

// What FSRCNN's last layer is: every input adds x w into the output at s i + t - p. Weights [in_channels, 1, k, k].
Map scatter(const Map& x, const std::vector<float>& weights, float bias, int64_t kernel, int64_t stride, int64_t pad,
            int64_t output_padding);

Map prelu(Map x, const std::vector<float>& slopes);

// A chain of Conv, PRelu and one ConvTranspose, as train.py writes it. The model gives the values and sizes; its attributes are
// known here from the paper: "same" padding, a 9 x 9 kernel at the end.
// Error: the bounds of eight layers multiplied up would allow anything, for they take all errors to conspire. Instead the network
// is evaluated three more times with every value moved at random within its own layer's bound (Monte Carlo arithmetic; Parker,
// 1997), and twice the largest change seen anywhere is the bound.
Map fsrcnn(const tools::onnx::Model& model, const Map& luma, int64_t scale);

// Numbers of one channel as a map; the error is 0.
Map map_of(const std::vector<double>& values, int64_t height, int64_t width);

// The luma of a picture in [0, 1], its border pixels repeated `margin` times outwards. Colours are multiplied by alpha.
Map padded_luma(const tools::Picture& picture, int64_t margin);

// The middle of a map, `margin` cells cut off each side of the last two dimensions.
Map without_margin(const Map& x, int64_t margin);

}  // namespace tconv_test
