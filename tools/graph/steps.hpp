// The two kinds of steps: one operator of the library, and the addition of two tensors.
#pragma once

#include <optional>
#include <string>

#include "tools/graph/compile.hpp"
#include "tools/graph/program.hpp"

namespace tools::graph {

// Everything that a ConvTranspose and the nodes fused into it come to. Element-wise nodes on their own are operators too: a
// 1 x 1 kernel of stride 1 per channel, so that the same activations serve everywhere.
struct Layer {
  tconv::Description description;  // slopes pointer unset; layout as wanted for the operator
  std::vector<float> weights;
  std::vector<float> bias;    // per output channel; may be empty
  std::vector<float> slopes;  // of prelu

  // For error bounds: per output channel, the sum of the magnitudes of all terms that were added into the bias. Empty: |bias|.
  std::vector<float> bias_magnitude;
};

// Creates the operator. Throws Error(bad_input) with the label before the library's message.
std::unique_ptr<Step> make_operator_step(const std::string& label, Layer layer, const CompileOptions& options, size_t input,
                                         std::optional<size_t> residual, size_t output);

// a + b with numpy broadcasting; the values have these shapes (which may say more than their tensors, see add_operand_shape).
std::unique_ptr<Step> make_add_step(const std::string& label, size_t a, std::vector<int64_t> a_shape, size_t b,
                                    std::vector<int64_t> b_shape, size_t output);

// y[n, s, c] = x[n, c, s] (and back with the sizes exchanged).
void transpose_inner(const float* x, float* y, int64_t batch, int64_t rows, int64_t columns);

}  // namespace tools::graph
