// Planar for few channels: all phases of an output row are sums in registers, and there is no T.
//
//     y[co][s * q + r] = f(bias[co] + sum over (jz, jy), ci, t with r_t = r of  W[(jz, jy, ci)][(co, t)] * x_row(jz, jy, ci)[q -
//     b_t])
//
// Where the rows of T are sums of little, storing and adding them takes longer than making them. Here a vector of inputs is loaded
// for all taps that meet it at one shift, as many output channels at once as fit beside their phases. Input rows lie in copies
// between zeros, made once for all taps and output channels; NHWC pixels become planes there, and NHWC outputs are interleaved in
// the registers where all their channels are.
#pragma once

#include "planar.hpp"

namespace tconv::planar {

// At most four phases along x.
bool supports_sums(const Layer& layer);
// Output channels of a call.
int64_t sums_lines(const Layer& layer);
// Planes whose input rows an output row meets.
int64_t sums_z_rows(const Layer& layer);
// Are whole pixels finished by the kernel? Those of all channels of the output, which no other task makes.
bool sums_make_pixels(const Layer& layer);
// Are all rows finished where they belong?
bool sums_store_rows(const Layer& layer);
double estimate_sums(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
bool create_sums(const Layer& layer, const float* weights, Plan* plan);
void plan_sums(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
size_t sums_workspace_bytes(const Layer& layer, const Plan& plan);
void run_sums(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

}  // namespace tconv::planar
