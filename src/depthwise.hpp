// Depthwise: one input and one output channel a group, NHWC, vectors along the channels, input read in place.
#pragma once

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "layer.hpp"

namespace tconv::depthwise {

struct Plan {
  Buffer<float> weights;  // [tap][channel]
  Buffer<float> bias;     // [channel]
  Buffer<float> slopes;   // [channel], for prelu

  // Of the current shape.
  static constexpr int64_t stack_taps = 64;  // lists of more taps are in the workspace
  int64_t taps = 1;                          // most taps of one output
  int64_t first_input = 0;                   // the output rows of period i meet the input rows [first_input + i, last_input + i]
  int64_t last_input = 0;
  int64_t chunk_channels = 1;
  int64_t chunks = 1;
  int64_t periods_per_block = 1;
  bool in_order = false;      // the output does not stay in L2: it is written in the order of memory
  int64_t copied_pixels = 0;  // of a chunk of channels, where pixels would alias in the cache; 0: read in place
};

bool supports(const Layer& layer, const Options& options);
double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan);
Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);  // per thread
size_t packed_bytes(const Plan& plan);
void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

}  // namespace tconv::depthwise
