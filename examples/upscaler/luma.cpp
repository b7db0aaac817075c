#include "luma.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/support/error.hpp"
#include "tools/upscale/filter.hpp"

namespace upscaler {
namespace {

// The input cells and weights of one output cell. Cells outside of the picture do not take part.
struct Window {
  int64_t first = 0;
  std::vector<double> weights;
};

Window window(int64_t output, int scale, int64_t size) {
  const double centre = (static_cast<double>(output) + 0.5) * scale;
  const double reach = 2.0 * scale;
  Window result;
  result.first = std::max<int64_t>(static_cast<int64_t>(std::ceil(centre - reach - 0.5)), 0);
  double sum = 0;
  for (int64_t i = result.first; i < size && static_cast<double>(i) + 0.5 < centre + reach; ++i) {
    const double weight =
        tools::upscale::filter_value(tools::upscale::Filter::bicubic, (static_cast<double>(i) + 0.5 - centre) / scale);
    result.weights.push_back(weight);
    sum += weight;
  }
  for (double& weight : result.weights) weight /= sum;
  return result;
}

double luma(const tools::Picture& picture, const uint16_t* pixel) {
  const double largest = (1 << picture.bits) - 1;
  return (picture.channels >= 3 ? 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2] : pixel[0]) / largest;
}

}  // namespace

tools::Picture cut(const tools::Picture& picture, int64_t width, int64_t height) {
  tools::Picture result = picture;
  result.width = width;
  result.height = height;
  result.samples.clear();
  for (int64_t y = 0; y < height; ++y) {
    const auto row = picture.samples.begin() + y * picture.width * picture.channels;
    result.samples.insert(result.samples.end(), row, row + width * picture.channels);
  }
  return result;
}

tools::Picture shrink(const tools::Picture& picture, int scale) {
  tools::Picture result = picture;
  result.width = picture.width / scale;
  result.height = picture.height / scale;
  if (result.width == 0 || result.height == 0) {
    throw tools::Error(tools::ExitCode::bad_input,
                       fmt::format("{} x {} pixels: too few for scale {}", picture.width, picture.height, scale));
  }
  const int channels = picture.channels;
  std::vector<double> narrow(static_cast<size_t>(result.width * picture.height * channels));
  for (int64_t x = 0; x < result.width; ++x) {
    const Window columns = window(x, scale, result.width * scale);
    for (int64_t y = 0; y < picture.height; ++y) {
      for (int c = 0; c < channels; ++c) {
        double sum = 0;
        const uint16_t* from = picture.samples.data() + (y * picture.width + columns.first) * channels + c;
        for (double weight : columns.weights) sum += weight * *from, from += channels;
        narrow[static_cast<size_t>((y * result.width + x) * channels + c)] = sum;
      }
    }
  }
  const double largest = (1 << picture.bits) - 1;
  result.samples.resize(static_cast<size_t>(result.width * result.height * channels));
  const int64_t row = result.width * channels;
  for (int64_t y = 0; y < result.height; ++y) {
    const Window rows = window(y, scale, result.height * scale);
    for (int64_t i = 0; i < row; ++i) {
      double sum = 0;
      for (size_t t = 0; t < rows.weights.size(); ++t) {
        sum += rows.weights[t] * narrow[static_cast<size_t>((rows.first + static_cast<int64_t>(t)) * row + i)];
      }
      result.samples[static_cast<size_t>(y * row + i)] = static_cast<uint16_t>(std::floor(std::clamp(sum, 0.0, largest) + 0.5));
    }
  }
  return result;
}

double luma_psnr(const tools::Picture& a, const tools::Picture& b) {
  if (a.width != b.width || a.height != b.height) {
    throw tools::Error(tools::ExitCode::bad_input,
                       fmt::format("{} x {} and {} x {} pixels: cannot be compared", a.width, a.height, b.width, b.height));
  }
  double sum = 0;
  const int64_t pixels = a.width * a.height;
  for (int64_t i = 0; i < pixels; ++i) {
    const double error = luma(a, a.samples.data() + i * a.channels) - luma(b, b.samples.data() + i * b.channels);
    sum += error * error;
  }
  return -10 * std::log10(sum / static_cast<double>(pixels));
}

}  // namespace upscaler
