// Insert s - 1 zeros between neighbouring inputs, pad by d (k - 1) - p, convolve with the flipped kernel and stride 1. The
// library's operator with stride 1 is that convolution: it flips the kernel and pads by itself. Output padding, which a stride of
// 1 does not allow, becomes zeros at the end of the stretched input, and as many cells more cut off there:
//     i~ = s (i - 1) + 1 + op:   o = (i~ - 1) + d (k - 1) + 1 - p_begin - p_end.
#include "tools/explain/zero_insertion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tools/support/error.hpp"
#include "tools/support/text.hpp"
#include "tools/support/timing.hpp"

namespace tools::explain {
namespace {

tconv::ConvTranspose create(const tconv::Description& description, const std::vector<float>& weights,
                            const tconv::Options& options) {
  tconv::Result<tconv::ConvTranspose> op = tconv::ConvTranspose::create(description, weights.data(), nullptr, options);
  if (!op.ok()) throw Error(ExitCode::bad_input, op.status().message());
  return std::move(*op);
}

std::vector<float> random_values(size_t count, std::mt19937* generator) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(count);
  for (float& v : values) v = uniform(*generator);
  return values;
}

class Workspace {
 public:
  Workspace(const tconv::ConvTranspose& op, size_t threads) : bytes_(op.workspace_bytes(threads)), memory_(bytes_ + alignment) {}
  void* data() {
    if (bytes_ == 0) return nullptr;
    return memory_.data() + (alignment - reinterpret_cast<uintptr_t>(memory_.data()) % alignment) % alignment;
  }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t alignment = tconv::ConvTranspose::workspace_alignment;
  size_t bytes_;
  std::vector<std::byte> memory_;
};

double timed_run(const tconv::ConvTranspose& op, const std::vector<float>& input, std::vector<float>* output, int repeats,
                 const tconv::Parallelism& parallelism) {
  Workspace workspace(op, parallelism.threads);
  return median(time_runs(repeats, [&] {
    const tconv::Status status = op.run(input.data(), output->data(), workspace.data(), workspace.bytes(), parallelism);
    if (!status.ok()) throw Error(ExitCode::bad_input, status.message());
  }));
}

// Copies every input element to its place among the zeros. `inner`: elements that stay together at the end of the layout (the
// channels of nhwc), `outer`: at its beginning.
void insert_zeros(const std::vector<float>& input, std::vector<float>* stretched, const tconv::Axis from[], const tconv::Axis to[],
                  int64_t outer, int64_t inner) {
  std::fill(stretched->begin(), stretched->end(), 0.0f);
  const float* source = input.data();
  for (int64_t n = 0; n < outer; ++n) {
    for (int64_t z = 0; z < from[0].input; ++z) {
      for (int64_t y = 0; y < from[1].input; ++y) {
        const int64_t plane = n * to[0].input + z * from[0].stride;
        const int64_t row = plane * to[1].input + y * from[1].stride;
        float* const line = stretched->data() + row * to[2].input * inner;
        for (int64_t x = 0; x < from[2].input; ++x, source += inner)
          std::copy(source, source + inner, line + x * from[2].stride * inner);
      }
    }
  }
}

}  // namespace

Comparison compare_with_zero_insertion(const tconv::Description& description, const tconv::Options& options, int repeats,
                                       int64_t memory_limit, ThreadPool* pool) {
  tconv::Description phases = description;
  phases.activation = {};
  phases.input_activation = {};
  phases.residual = false;
  phases.input_pitch = phases.output_pitch = {};
  tconv::Geometry g;
  if (tconv::Status s = tconv::resolve(phases, &g); !s.ok()) throw Error(ExitCode::bad_input, s.message());

  tconv::Description stretched = phases;
  stretched.auto_pad = tconv::AutoPad::notset;
  for (int a = 0; a < phases.rank; ++a) {
    const tconv::Axis& from = g.axis[tconv::max_rank - phases.rank + a];
    stretched.output_shape[a] = 0;
    stretched.axis[a] = from;
    stretched.axis[a].input = from.stride * (from.input - 1) + 1 + from.output_padding;
    stretched.axis[a].stride = 1;
    stretched.axis[a].output_padding = 0;
  }
  tconv::Geometry sg;
  if (tconv::Status s = tconv::resolve(stretched, &sg); !s.ok()) throw Error(ExitCode::bad_input, s.message());
  const double elements = static_cast<double>(g.input_elements) + 2 * static_cast<double>(g.output_elements) +
                          static_cast<double>(sg.input_elements) + static_cast<double>(g.weight_elements);
  if (elements * sizeof(float) > static_cast<double>(memory_limit)) {
    throw Error(ExitCode::bad_input,
                fmt::format("the comparison needs {}, the memory limit is {} (--memory-limit)",
                            format_bytes(static_cast<int64_t>(elements * sizeof(float))), format_bytes(memory_limit)));
  }

  std::mt19937 generator(1);
  const std::vector<float> weights = random_values(static_cast<size_t>(g.weight_elements), &generator);
  const std::vector<float> input = random_values(static_cast<size_t>(g.input_elements), &generator);
  std::vector<float> by_phases(static_cast<size_t>(g.output_elements));
  std::vector<float> by_insertion(by_phases.size());
  std::vector<float> with_zeros(static_cast<size_t>(sg.input_elements));
  tconv::Options free_choice = options;
  free_choice.algorithm = tconv::Algorithm::automatic;
  const tconv::ConvTranspose phase_op = create(phases, weights, options);
  const tconv::ConvTranspose insertion_op = create(stretched, weights, free_choice);
  const tconv::Parallelism parallelism = pool->parallelism();

  Comparison result;
  result.convolution_algorithm = insertion_op.plan().algorithm;
  result.stretched_bytes = sg.input_elements * static_cast<int64_t>(sizeof(float));
  const bool channels_last = phases.layout == tconv::Layout::nhwc;
  const int64_t outer = channels_last ? phases.batch : phases.batch * phases.in_channels;
  const int64_t inner = channels_last ? phases.in_channels : 1;
  // One run of each first, so that neither pays for touching new memory.
  timed_run(phase_op, input, &by_phases, 1, parallelism);
  insert_zeros(input, &with_zeros, g.axis, sg.axis, outer, inner);
  timed_run(insertion_op, with_zeros, &by_insertion, 1, parallelism);
  result.phases_seconds = timed_run(phase_op, input, &by_phases, repeats, parallelism);
  result.insertion_seconds = median(time_runs(repeats, [&] { insert_zeros(input, &with_zeros, g.axis, sg.axis, outer, inner); }));
  result.convolution_seconds = timed_run(insertion_op, with_zeros, &by_insertion, repeats, parallelism);

  for (size_t i = 0; i < by_phases.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(by_phases[i]) - static_cast<double>(by_insertion[i]));
    if (!(difference <= result.largest_difference)) result.largest_difference = difference;
  }
  // Each sum has at most in_channels / groups * taps terms of magnitude <= 1; the bound of graph/operator_step.cpp.
  const double terms = static_cast<double>(phases.in_channels / phases.groups) * static_cast<double>(g.taps);
  result.tolerance = 8 * std::sqrt(terms + 4) * 0x1p-24 * terms;
  return result;
}

}  // namespace tools::explain
