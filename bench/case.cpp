#include "bench/case.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace tconv::bench {

Buffer::Buffer(int64_t count, float value) : size_(count) {
  const size_t bytes = (static_cast<size_t>(std::max<int64_t>(count, 1)) * sizeof(float) + 63) / 64 * 64;
  data_ = static_cast<float*>(std::aligned_alloc(64, bytes));
  if (data_ == nullptr) throw std::bad_alloc();
  fill(value);
}
Buffer::Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
Buffer::~Buffer() { std::free(data_); }
void Buffer::fill(float value) { std::fill(data_, data_ + size_, value); }

const char* winograd_name(WinogradClass winograd) {
  return winograd == WinogradClass::off ? "off" : winograd == WinogradClass::strict ? "strict" : "standard";
}
bool winograd_from_name(const std::string& name, WinogradClass* winograd) {
  for (const WinogradClass w : {WinogradClass::off, WinogradClass::strict, WinogradClass::standard}) {
    if (name == winograd_name(w)) return *winograd = w, true;
  }
  return false;
}

namespace {

// xorshift64*: the same values everywhere, and quick enough for hundreds of megabytes.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 1) {}
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Dull;
  }
  float uniform() { return static_cast<float>(next() >> 40) * (2.0f / 16777216.0f) - 1.0f; }

 private:
  uint64_t state_;
};

void randomize(Buffer* buffer, uint64_t seed) {
  Random random(seed);
  for (int64_t i = 0; i < buffer->size(); ++i) buffer->data()[i] = random.uniform();
}

// One output element from the definition: o = s * i + d * t - p_begin on every axis.
Case::Sample definition(const Case& c, int64_t image, int64_t channel, int64_t pixel) {
  const Geometry& g = c.geometry;
  const int64_t ci_count = c.channels_per_group_in(), co_count = c.channels_per_group_out();
  const int64_t group = channel / co_count;
  const int64_t o[3] = {pixel / (g.output[1] * g.output[2]), pixel / g.output[2] % g.output[1], pixel % g.output[2]};
  double sum = c.bias.data()[channel], squares = sum * sum;
  int64_t terms = 1;
  for (int64_t tap = 0; tap < g.taps; ++tap) {
    const int64_t t[3] = {tap / (g.axis[1].kernel * g.axis[2].kernel), tap / g.axis[2].kernel % g.axis[1].kernel,
                          tap % g.axis[2].kernel};
    int64_t in_pixel = 0;
    bool hit = true;
    for (int a = 0; a < 3 && hit; ++a) {
      const int64_t stretched = o[a] + g.axis[a].pad_begin - g.axis[a].dilation * t[a];
      hit = stretched >= 0 && stretched % g.axis[a].stride == 0 && stretched / g.axis[a].stride < g.axis[a].input;
      in_pixel = in_pixel * g.axis[a].input + stretched / g.axis[a].stride;
    }
    if (!hit) continue;
    const float* x = c.input_nhwc.data() + (image * c.input_pixels + in_pixel) * c.layer.description.in_channels + group * ci_count;
    const float* w = c.weights.data() + ((group * ci_count * co_count) + channel % co_count) * g.taps + tap;
    for (int64_t ci = 0; ci < ci_count; ++ci) {
      const double product = static_cast<double>(x[ci]) * static_cast<double>(w[ci * co_count * g.taps]);
      sum += product;
      squares += product * product;
    }
    terms += ci_count;
  }
  const double epsilon = std::numeric_limits<float>::epsilon();
  return {image, channel, pixel, sum, 4 * epsilon * std::sqrt(static_cast<double>(terms) * squares)};
}

}  // namespace

Case::Case(const Layer& l) : layer(l) {
  const Description& d = layer.description;
  if (const Status s = resolve(d, &geometry); !s.ok()) std::abort();  // the loader has resolved it before
  const Geometry& g = geometry;
  input_pixels = g.axis[0].input * g.axis[1].input * g.axis[2].input;
  output_pixels = g.output[0] * g.output[1] * g.output[2];
  input_nchw = Buffer(g.input_elements);
  input_nhwc = Buffer(g.input_elements);
  weights = Buffer(g.weight_elements);
  bias = Buffer(d.out_channels);
  randomize(&input_nchw, 1);
  randomize(&weights, 2);
  if (layer.bias) randomize(&bias, 3);
  for (int64_t n = 0; n < d.batch; ++n) {
    for (int64_t c = 0; c < d.in_channels; ++c) {
      const float* from = input_nchw.data() + (n * d.in_channels + c) * input_pixels;
      float* to = input_nhwc.data() + n * input_pixels * d.in_channels + c;
      for (int64_t p = 0; p < input_pixels; ++p) to[p * d.in_channels] = from[p];
    }
  }

  draw_sample();
  double squares = 0;
  for (const Sample& s : sample) {
    squares += s.value * s.value;
    largest_tolerance_ = std::max(largest_tolerance_, s.tolerance);
  }
  output_rms_ = std::sqrt(squares / static_cast<double>(sample.size()));
}

void Case::draw_sample() {
  const Description& d = layer.description;
  const Geometry& g = geometry;
  // All outputs when that is cheap, else a random sample, always with the corners and the last cells of every axis.
  const double products_per_output =
      static_cast<double>(g.multiplications) / static_cast<double>(std::max<int64_t>(g.output_elements, 1)) + 1;
  const int64_t wanted = std::clamp<int64_t>(static_cast<int64_t>(4e6 / products_per_output), 1000, 60000);
  if (g.output_elements <= wanted) {
    for (int64_t i = 0; i < g.output_elements; ++i) {
      sample.push_back(
          definition(*this, i / (d.out_channels * output_pixels), i / output_pixels % d.out_channels, i % output_pixels));
    }
    return;
  }
  Random random(4);
  const auto below = [&](int64_t bound) { return static_cast<int64_t>(random.next() % static_cast<uint64_t>(bound)); };
  for (int64_t i = 0; i < wanted; ++i) {
    int64_t pixel = 0;
    for (int a = 0; a < 3; ++a) {
      // A third of the sample lies within one stride of a border, where padding and crops go wrong.
      int64_t at = below(g.output[a]);
      const int64_t near = std::min(g.output[a], g.axis[a].stride + 1);
      if (i % 6 == 0) at = below(near);
      if (i % 6 == 1) at = g.output[a] - 1 - below(near);
      pixel = pixel * g.output[a] + at;
    }
    sample.push_back(definition(*this, below(d.batch), below(d.out_channels), pixel));
  }
}

double Case::tolerance(const Sample& s, Accuracy accuracy) const {
  switch (accuracy) {
    case Accuracy::winograd_strict:
      return std::max(s.tolerance, 1.25 * largest_tolerance_);
    case Accuracy::winograd_standard:
      return std::max(s.tolerance, 2 * 5e-5 * output_rms_);
    default:
      return s.tolerance;
  }
}

std::string Case::check(const float* output, Layout layout, Accuracy accuracy) const {
  const int64_t channels = layer.description.out_channels;
  char text[200];
  for (int64_t i = 0; i < geometry.output_elements; ++i) {
    if (!std::isfinite(output[i])) {
      std::snprintf(text, sizeof text, "wrong result: element %lld of %lld is %g", static_cast<long long>(i),
                    static_cast<long long>(geometry.output_elements), static_cast<double>(output[i]));
      return text;
    }
  }
  for (const Sample& s : sample) {
    const int64_t at = layout == Layout::nchw ? (s.image * channels + s.channel) * output_pixels + s.pixel
                                              : (s.image * output_pixels + s.pixel) * channels + s.channel;
    if (std::abs(output[at] - s.value) > tolerance(s, accuracy)) {
      std::snprintf(text, sizeof text, "wrong result: image %lld, channel %lld, pixel %lld is %.9g, not %.9g (tolerance %.2g)",
                    static_cast<long long>(s.image), static_cast<long long>(s.channel), static_cast<long long>(s.pixel),
                    static_cast<double>(output[at]), s.value, tolerance(s, accuracy));
      return text;
    }
  }
  return "";
}

}  // namespace tconv::bench
