// How much longer the textbook's way takes: the same layer by phases and by zero insertion, on this machine, in the same run.
//
// Zero insertion puts stride - 1 zeros between neighbouring inputs and convolves with stride 1. A transposed convolution with
// stride 1 is that convolution, so both ways run on the same kernels and what remains is the work on zeros. The stretched tensor
// is made once beforehand and its zeros are not written again; spreading the input over it is part of the time.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>
#include <vector>

#include "tconv/conv_transpose.hpp"

namespace {

struct alignas(tconv::ConvTranspose::workspace_alignment) Block {
  std::byte bytes[tconv::ConvTranspose::workspace_alignment];
};

std::vector<float> random_floats(int64_t count, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = uniform(random);
  return values;
}

[[noreturn]] void give_up(const char* message) {
  std::fprintf(stderr, "zero_insertion: %s\n", message);
  std::exit(1);
}

struct Layer {
  Layer(const tconv::Description& description, const std::vector<float>& weights) {
    auto created = tconv::ConvTranspose::create(description, weights.data());
    if (!created.ok()) give_up(created.status().message());
    op = std::move(*created);
    workspace.resize(op.workspace_bytes() / sizeof(Block) + 1);
    output.resize(static_cast<size_t>(op.geometry().output_elements));
  }
  void run(const std::vector<float>& input) {
    const tconv::Status status = op.run(input.data(), output.data(), workspace.data(), workspace.size() * sizeof(Block));
    if (!status.ok()) give_up(status.message());
  }
  tconv::ConvTranspose op;
  std::vector<Block> workspace;
  std::vector<float> output;
};

// Each image of x to every stride-th row and column of a longer one.
void spread(const std::vector<float>& x, const tconv::Description& layer, std::vector<float>* stretched) {
  const int64_t height = layer.axis[0].input, width = layer.axis[1].input, s = layer.axis[0].stride;
  const int64_t long_height = s * (height - 1) + 1, long_width = s * (width - 1) + 1;
  for (int64_t plane = 0; plane < layer.batch * layer.in_channels; ++plane) {
    for (int64_t row = 0; row < height; ++row) {
      const float* const from = x.data() + (plane * height + row) * width;
      float* const to = stretched->data() + (plane * long_height + s * row) * long_width;
      for (int64_t column = 0; column < width; ++column) to[s * column] = from[column];
    }
  }
}

// Median of some runs, after one to warm up; enough of them for about 0.3 s.
template <typename Function>
double median_seconds(Function&& function) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds;
  double total = 0;
  function();
  while (seconds.size() < 3 || (total < 0.3 && seconds.size() < 1000)) {
    const auto start = Clock::now();
    function();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    total += seconds.back();
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

int64_t positive(const char* text, const char* name, bool zero_allowed = false) {
  char* end = nullptr;
  const long long value = std::strtoll(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < !zero_allowed || value > 1 << 20) {
    std::fprintf(stderr, "zero_insertion: %s = %s: must be a whole number from %d to %d\n", name, text, !zero_allowed, 1 << 20);
    std::exit(2);
  }
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    std::fprintf(stderr, "usage: zero_insertion IN_CHANNELS OUT_CHANNELS GROUPS HEIGHT WIDTH KERNEL STRIDE PAD\n");
    return 2;
  }
  tconv::Description layer;
  layer.in_channels = positive(argv[1], "IN_CHANNELS");
  layer.out_channels = positive(argv[2], "OUT_CHANNELS");
  layer.groups = positive(argv[3], "GROUPS");
  const int64_t kernel = positive(argv[6], "KERNEL"), stride = positive(argv[7], "STRIDE"), pad = positive(argv[8], "PAD", true);
  layer.axis[0] = {positive(argv[4], "HEIGHT"), kernel, stride, 1, pad, pad, 0};
  layer.axis[1] = {positive(argv[5], "WIDTH"), kernel, stride, 1, pad, pad, 0};

  tconv::Description stretched = layer;
  for (tconv::Axis& axis : stretched.axis) {
    axis.input = axis.stride * (axis.input - 1) + 1;
    axis.stride = 1;
  }
  tconv::Geometry geometry, long_geometry;
  for (const auto& [d, g] : {std::pair(&layer, &geometry), std::pair(&stretched, &long_geometry)}) {
    if (const tconv::Status status = resolve(*d, g); !status.ok()) give_up(status.message());
  }

  std::mt19937 random(1);
  const std::vector<float> weights = random_floats(geometry.weight_elements, random);
  const std::vector<float> x = random_floats(geometry.input_elements, random);
  std::vector<float> long_x(static_cast<size_t>(long_geometry.input_elements));
  Layer phases(layer, weights), convolution(stretched, weights);

  const double phases_time = median_seconds([&] { phases.run(x); });
  const double zeros_time = median_seconds([&] {
    spread(x, layer, &long_x);
    convolution.run(long_x);
  });

  double difference = 0, magnitude = 0;
  for (size_t i = 0; i < phases.output.size(); ++i) {
    difference = std::max(difference, std::fabs(double{phases.output[i]} - double{convolution.output[i]}));
    magnitude = std::max(magnitude, std::fabs(double{phases.output[i]}));
  }
  // Two orders of the same sum of n products bounded by 1 differ by at most 2 * n * (n * 2^-24); far more than happens.
  const int64_t products = layer.in_channels / layer.groups * kernel * kernel;
  const double n = static_cast<double>(products);
  if (!(difference <= 2 * n * n / (1 << 24))) give_up("the two ways disagree");

  std::printf("phases: %.3g ms; zero insertion: %.3g ms, %.1f times as long (one thread, %s; largest |y| %.3g, difference %.1g)\n",
              1e3 * phases_time, 1e3 * zeros_time, zeros_time / phases_time, tconv::target_name(phases.op.plan().target), magnitude,
              difference);
}
