#include "upscaler/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

namespace tconv_test {
namespace {

constexpr double unit = 0x1p-24;

double growth(double terms) { return 4 * std::sqrt(terms + 4) * unit; }

Map empty_map(int64_t channels, const Size3& size) {
  Map y;
  y.channels = channels;
  y.size = size;
  y.value.resize(static_cast<size_t>(channels * y.cells()));
  y.error.resize(y.value.size());
  return y;
}

}  // namespace

Map convolution(const Map& x, const ConvolutionSpec& spec, const std::vector<float>& weights, const std::vector<float>& bias) {
  Size3 size{};
  for (size_t a = 0; a < 3; ++a) {
    size[a] = x.size[a] + spec.pad_begin[a] + spec.pad_end[a] - spec.dilation[a] * (spec.kernel[a] - 1);
  }
  const int64_t group_in = x.channels / spec.groups;
  const int64_t group_out = spec.out_channels / spec.groups;
  const int64_t taps = spec.kernel[0] * spec.kernel[1] * spec.kernel[2];
  const double g = growth(static_cast<double>(group_in * taps));
  Map y = empty_map(spec.out_channels, size);
  size_t out = 0;
  for (int64_t m = 0; m < spec.out_channels; ++m) {
    const double b = bias.empty() ? 0.0 : static_cast<double>(bias[static_cast<size_t>(m)]);
    for (int64_t oz = 0; oz < size[0]; ++oz) {
      for (int64_t oy = 0; oy < size[1]; ++oy) {
        for (int64_t ox = 0; ox < size[2]; ++ox, ++out) {
          double sum = b;
          double error = g * std::fabs(b);
          for (int64_t c = 0; c < group_in; ++c) {
            for (int64_t t = 0; t < taps; ++t) {
              const int64_t iz = oz + spec.dilation[0] * (t / (spec.kernel[1] * spec.kernel[2])) - spec.pad_begin[0];
              const int64_t iy = oy + spec.dilation[1] * (t / spec.kernel[2] % spec.kernel[1]) - spec.pad_begin[1];
              const int64_t ix = ox + spec.dilation[2] * (t % spec.kernel[2]) - spec.pad_begin[2];
              if (iz < 0 || iz >= x.size[0] || iy < 0 || iy >= x.size[1] || ix < 0 || ix >= x.size[2]) continue;
              const int64_t channel = m / group_out * group_in + c;
              const auto from = static_cast<size_t>(((channel * x.size[0] + iz) * x.size[1] + iy) * x.size[2] + ix);
              const double w = static_cast<double>(weights[static_cast<size_t>((m * group_in + c) * taps + t)]);
              sum += x.value[from] * w;
              error += std::fabs(w) * (x.error[from] + g * std::fabs(x.value[from]));
            }
          }
          y.value[out] = sum;
          y.error[out] = error;
        }
      }
    }
  }
  return y;
}

Map scatter(const Map& x, const std::vector<float>& weights, float bias, int64_t kernel, int64_t stride, int64_t pad,
            int64_t output_padding) {
  const auto outputs = [&](int64_t in) { return stride * (in - 1) + kernel - 2 * pad + output_padding; };
  Map y = empty_map(1, {1, outputs(x.size[1]), outputs(x.size[2])});
  const double taps = std::ceil(static_cast<double>(kernel) / static_cast<double>(stride));
  const double g = growth(static_cast<double>(x.channels) * taps * taps);
  std::fill(y.value.begin(), y.value.end(), static_cast<double>(bias));
  std::fill(y.error.begin(), y.error.end(), g * std::fabs(static_cast<double>(bias)));
  for (int64_t c = 0; c < x.channels; ++c) {
    for (int64_t iy = 0; iy < x.size[1]; ++iy) {
      for (int64_t ix = 0; ix < x.size[2]; ++ix) {
        const auto from = static_cast<size_t>((c * x.size[1] + iy) * x.size[2] + ix);
        for (int64_t ty = 0; ty < kernel; ++ty) {
          for (int64_t tx = 0; tx < kernel; ++tx) {
            const int64_t oy = stride * iy + ty - pad;
            const int64_t ox = stride * ix + tx - pad;
            if (oy < 0 || oy >= y.size[1] || ox < 0 || ox >= y.size[2]) continue;
            const double w = static_cast<double>(weights[static_cast<size_t>((c * kernel + ty) * kernel + tx)]);
            const auto to = static_cast<size_t>(oy * y.size[2] + ox);
            y.value[to] += x.value[from] * w;
            y.error[to] += std::fabs(w) * (x.error[from] + g * std::fabs(x.value[from]));
          }
        }
      }
    }
  }
  return y;
}

Map prelu(Map x, const std::vector<float>& slopes) {
  for (size_t i = 0; i < x.value.size(); ++i) {
    const double slope = static_cast<double>(slopes[i / static_cast<size_t>(x.cells())]);
    x.error[i] = std::max(1.0, std::fabs(slope)) * (x.error[i] + unit * std::fabs(x.value[i]));
    if (x.value[i] < 0) x.value[i] *= slope;
  }
  return x;
}

namespace {

// One evaluation. With `random` every layer's result is moved by a random number within its own rounding bound.
Map evaluate(const tools::onnx::Model& model, const Map& luma, int64_t scale, std::mt19937_64* random) {
  Map x = luma;
  const auto round_off = [&] {
    std::uniform_real_distribution<double> within(-1, 1);
    for (size_t i = 0; i < x.value.size(); ++i) {
      if (random != nullptr) x.value[i] += within(*random) * x.error[i];
      x.error[i] = 0;
    }
  };
  round_off();
  for (const tools::onnx::Node& node : model.nodes) {
    if (node.op == "PRelu") {
      x = prelu(std::move(x), model.initializers.at(node.inputs[1]).data);
    } else {
      const tools::Tensor& weights = model.initializers.at(node.inputs[1]);
      const std::vector<float>& bias = model.initializers.at(node.inputs[2]).data;
      const int64_t k = weights.shape[3];
      if (node.op == "Conv") {
        ConvolutionSpec spec;
        spec.out_channels = weights.shape[0];
        spec.kernel = {1, k, k};
        spec.pad_begin = spec.pad_end = {0, k / 2, k / 2};
        x = convolution(x, spec, weights.data, bias);
      } else {
        const int64_t pad = (9 - scale + 1) / 2;
        x = scatter(x, weights.data, bias[0], 9, scale, pad, scale - 9 + 2 * pad);
      }
    }
    round_off();
  }
  return x;
}

}  // namespace

Map fsrcnn(const tools::onnx::Model& model, const Map& luma, int64_t scale) {
  Map exact = evaluate(model, luma, scale, nullptr);
  std::mt19937_64 random(2);
  double largest = 0;
  for (int run = 0; run < 3; ++run) {
    const Map noisy = evaluate(model, luma, scale, &random);
    for (size_t i = 0; i < exact.value.size(); ++i) largest = std::max(largest, std::fabs(noisy.value[i] - exact.value[i]));
  }
  std::fill(exact.error.begin(), exact.error.end(), 2 * largest);
  return exact;
}

Map map_of(const std::vector<double>& values, int64_t height, int64_t width) {
  Map x;
  x.channels = 1;
  x.size = {1, height, width};
  x.value = values;
  x.error.assign(values.size(), 0.0);
  return x;
}

Map padded_luma(const tools::Picture& picture, int64_t margin) {
  std::vector<double> values;
  const double largest = (1 << picture.bits) - 1;
  for (int64_t y = -margin; y < picture.height + margin; ++y) {
    for (int64_t x = -margin; x < picture.width + margin; ++x) {
      const int64_t row = std::clamp<int64_t>(y, 0, picture.height - 1);
      const int64_t column = std::clamp<int64_t>(x, 0, picture.width - 1);
      const uint16_t* pixel = picture.samples.data() + (row * picture.width + column) * picture.channels;
      double luma = pixel[0] / largest;
      if (picture.channels >= 3) luma = (0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]) / largest;
      values.push_back(luma * (picture.has_alpha() ? pixel[picture.channels - 1] / largest : 1.0));
    }
  }
  Map map = map_of(values, picture.height + 2 * margin, picture.width + 2 * margin);
  // Samples become floats, luma is a sum of three products, alpha one more.
  for (size_t i = 0; i < values.size(); ++i) map.error[i] = 6 * unit * std::fabs(values[i]);
  return map;
}

Map without_margin(const Map& x, int64_t margin) {
  Map y = empty_map(x.channels, {x.size[0], x.size[1] - 2 * margin, x.size[2] - 2 * margin});
  size_t to = 0;
  for (int64_t plane = 0; plane < x.channels * x.size[0]; ++plane) {
    for (int64_t row = 0; row < y.size[1]; ++row) {
      for (int64_t column = 0; column < y.size[2]; ++column, ++to) {
        const auto from = static_cast<size_t>((plane * x.size[1] + row + margin) * x.size[2] + column + margin);
        y.value[to] = x.value[from];
        y.error[to] = x.error[from];
      }
    }
  }
  return y;
}

}  // namespace tconv_test
