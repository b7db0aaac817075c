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
  int64_t taps = 1;       // most taps of one output
  int64_t rows_per_task = 1;
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
