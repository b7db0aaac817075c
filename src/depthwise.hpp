// Depthwise: one input channel a group, or few. Pixels (NHWC): vectors along the channels, read and written in place. Planes
// (NCHW): vectors along x, from rows copied between zeros; or as pixels, a strip of channels at a time by way of the workspace.
//
// Where a group has I input channels, input i of every group makes pixels of its own, in which it stands beside the outputs of its
// group: then the sum over i is one over more taps, and no lane of a vector multiplies by zero.
#pragma once

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "layer.hpp"

namespace tconv::depthwise {

constexpr int64_t chunk_channels = 64;  // some lines of a cache

struct Plan {
  // In vectors of channels, zeros after the last channel.
  Buffer<float> weights;  // [vector][input channel of the group][tap][lane]
  Buffer<float> bias;
  Buffer<float> slopes;  // for prelu

  Buffer<int32_t> sources;  // where pixels are spread: the first input channel of each output channel
  int64_t chunks = 1;       // of chunk_channels, what tasks are cut into

  // Of the current shape.
  Buffer<arch::DepthwisePhase> phases;       // of x, in the order of the outputs
  static constexpr int64_t stack_taps = 32;  // lists of more taps are in the workspace
  int64_t taps = 1;                          // most taps of z and y of one output, times the input channels
  bool beyond_l2 = false;                    // the output does not stay there
  // Of planes: strips of channels, and how many rows of them are transposed at a time.
  int64_t strip = 0;
  int64_t periods_per_block = 0;
  int64_t first_input = 0;  // the output rows of period i meet the input rows [first_input + i, last_input + i]
  int64_t last_input = 0;
  int64_t input_floats = 0;
  int64_t output_floats = 0;
  // Of planes with vectors along x: copied rows, of which column 0 lies at `left`.
  struct Planes {
    bool used = false;
    bool in_place = false;  // every row is one tap or f(bias): nothing beside the image is read, and nothing is copied
    int64_t left = 0;
    int64_t pitch = 0;
    int64_t plane = 0;  // between planes
  } planes;
};

bool supports(const Layer& layer, const Options& options);
double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan);
Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);  // per thread
size_t packed_bytes(const Plan& plan);
void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

// The part of planes with vectors along x.
size_t planes_workspace_bytes(const Layer& layer, const Plan& plan);
void run_planes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

}  // namespace tconv::depthwise
