// The operator: transposed convolution for inference. Create once (validates, plans, packs the weights), run often.
//
//     tconv::Description d;                       // 64 -> 32 channels, 2 x 2 kernel, stride 2, 80 x 80 input
//     d.in_channels = 64; d.out_channels = 32;
//     for (int a = 0; a < 2; ++a) d.axis[a] = {.input = 80, .kernel = 2, .stride = 2};   (C++20 spelling)
//     auto op = tconv::ConvTranspose::create(d, weights, bias);
//     if (!op.ok()) { puts(op.status().message()); return 1; }
//     std::vector<std::byte> workspace(op->workspace_bytes());
//     op->run(input, output, workspace.data(), workspace.size());
#pragma once

#include <cstddef>
#include <cstdint>

#include "tconv/description.hpp"
#include "tconv/targets.hpp"
#include "tconv/types.hpp"

namespace tconv {

// How a layer is computed. `automatic` lets the plan choose by its cost model.
enum class Algorithm : uint8_t {
  automatic,
  window_gemm,  // NHWC (and NCHW through transposed strips): input rows times packed columns of (x-phase, channel)
  planar,       // vectors along x: rows of (tap of x, output channel) that overlap in the output, phases interleaved in the store
  depthwise,    // one input channel a group (NCHW: and one output channel): vectors along the channels
  small_image,  // few pixels, many channels: the weights stream by once, and each of them meets all pixels
  winograd,     // minimal filtering over tiles of the image: one transformed input for all phases, products as in window_gemm
  planar_winograd,  // planar, with minimal filtering along y: for few output channels
  strassen,         // kernel = stride: seven products of halves of the matrices instead of eight
};
constexpr Algorithm all_algorithms[] = {Algorithm::window_gemm, Algorithm::planar,   Algorithm::depthwise,
                                        Algorithm::small_image, Algorithm::winograd, Algorithm::planar_winograd,
                                        Algorithm::strassen};
// "auto", "window_gemm", "planar", "depthwise", "small_image", "winograd", "planar_winograd", "strassen".
const char* algorithm_name(Algorithm algorithm);
bool algorithm_from_name(const char* name, Algorithm* algorithm);

// What rounding errors winograd, planar_winograd and strassen may make (docs/winograd.md and docs/algorithms.md have the measured
// figures). strassen is for `standard` alone.
enum class WinogradAccuracy : uint8_t {
  off,       // direct algorithms alone
  strict,    // on N(0,1) data, offset or not, the root mean square of the errors is at most 1.25 times window_gemm's
  standard,  // on N(0,1) data the largest error is at most 5e-5 of the output's root mean square
};

// Which variants of Winograd's minimal filtering the plan may use, and whether it may use strassen. NaN, infinity and overflow in
// an input spread over all outputs of the tiles that it meets (strassen: over the outputs of another pixel of its image, too); a
// layer with weights that are not finite is done by another algorithm.
struct WinogradOptions {
  WinogradAccuracy accuracy = WinogradAccuracy::standard;
  int outputs = 0;  // 2 .. 7, of a tile along each axis that is filtered; 0: the plan chooses
  // How tiles of neighbouring phases lie: on the grid of outputs, so that none is wasted (phases padded by zero taps), or on the
  // grid of q, so that no tap is.
  enum class Grid : uint8_t { automatic, outputs, inputs } grid = Grid::automatic;
};

struct Options {
  Target target = Target::automatic;
  Algorithm algorithm = Algorithm::automatic;  // forcing one that cannot do the layer is an error (unsupported)
  CacheSizes cache;                            // zeros: detected
  WinogradOptions winograd;
  size_t max_workspace_bytes = size_t{4} << 20;  // per thread, of winograd, planar_winograd, strassen; below 128 KiB not used
  size_t max_packed_bytes = SIZE_MAX;            // of packed weights of winograd, planar_winograd, strassen
};

// The caller's threads. The library starts none.
struct Parallelism {
  // Must call function(argument, i) once for each i in [0, count), in any order, on any threads, and return when all are done.
  // nullptr: everything runs on the calling thread.
  void (*parallel_for)(void* context, size_t count, void (*function)(void* argument, size_t i), void* argument) = nullptr;
  void* context = nullptr;
  size_t threads = 1;  // how many calls may usefully run at the same time
};

// What the plan chose and why; for people and reports.
struct PlanSummary {
  static constexpr int max_candidates = 8;
  struct Candidate {
    Algorithm algorithm = Algorithm::automatic;
    double cycles = 0;  // estimated, one thread; the cost model is in src/plan.hpp
  };
  Algorithm algorithm = Algorithm::automatic;
  Target target = Target::automatic;
  char variant[64] = {};  // of winograd and planar_winograd, e.g. "F(4,3) x F(4,3)"; else empty
  char reason[160] = {};  // one line
  Candidate candidate[max_candidates];
  int candidates = 0;
  int64_t multiplications = 0;                 // of the phases: none with an inserted zero, none into the crop
  int64_t zero_insertion_multiplications = 0;  // what a convolution over the zero-inserted input would do; at most 2^63 - 1
  int64_t input_bytes = 0;
  int64_t output_bytes = 0;
  int64_t weight_bytes = 0;
};

class ConvTranspose {
 public:
  // Empty; run() and reshape() on it return an error.
  ConvTranspose() = default;
  ConvTranspose(ConvTranspose&& other) noexcept;
  ConvTranspose& operator=(ConvTranspose&& other) noexcept;
  ConvTranspose(const ConvTranspose&) = delete;
  ConvTranspose& operator=(const ConvTranspose&) = delete;
  ~ConvTranspose();

  // weights: [in_channels, out_channels / groups, kernel...] (ONNX, PyTorch), dense, any alignment; NaN and infinity are allowed.
  // bias: [out_channels] or nullptr for none. Both are copied (packed) and may be freed afterwards.
  // Errors: those of resolve(); invalid_argument (null weights, bad activation or Winograd options); unsupported (target,
  // algorithm); out_of_memory.
  static Result<ConvTranspose> create(const Description& description, const float* weights, const float* bias = nullptr,
                                      const Options& options = {});

  // Takes new batch, input sizes, paddings, output padding, output_shape, pitches; never repacks. Kernel, stride, dilation,
  // channels, groups, layout and activations must be those of create(). On an error the operator keeps its old shape.
  Status reshape(const Description& description);

  // Bytes of workspace that run() needs when called with `threads` threads. 0 for plans that need none.
  size_t workspace_bytes(size_t threads = 1) const;
  // Any workspace pointer must be a multiple of this.
  static constexpr size_t workspace_alignment = 64;

  // Computes the layer. input, output (and residual, only if the description has one) are laid out as described; any
  // float-aligned address. They must not overlap each other, save that residual may be the output itself.
  // Const, re-entrant: one operator may run on many threads at once, each call with its own output and workspace.
  // Allocates nothing. Bit-identical for every `parallelism`.
  // Errors (nothing is written then): invalid_argument for null pointers, misaligned or too small workspace, empty operator.
  Status run(const float* input, float* output, void* workspace = nullptr, size_t workspace_bytes = 0,
             const Parallelism& parallelism = {}, const float* residual = nullptr) const;

  const Description& description() const;
  const Geometry& geometry() const;
  const PlanSummary& plan() const;
  // Bytes of packed weights and per-channel parameters held by this operator.
  size_t packed_bytes() const;

  struct State;  // private to src/

 private:
  State* state_ = nullptr;
};

// Folds an inference-time batch normalisation (scale * (y - mean) / sqrt(variance + epsilon) + shift, per output channel) that
// follows a transposed convolution into its weights and bias, in double precision, rounded once.
// weights: [in_channels, out_channels / groups, taps]; bias may be nullptr (zeros). folded_* may be the inputs themselves.
// Errors: invalid_argument for null pointers, sizes below 1, groups that do not divide, variance + epsilon <= 0.
struct BatchNorm {
  const float* scale;     // [out_channels]
  const float* shift;     // [out_channels]
  const float* mean;      // [out_channels]
  const float* variance;  // [out_channels]
  float epsilon = 1e-5f;
};
Status fold_batch_norm(const BatchNorm& norm, int64_t in_channels, int64_t out_channels, int64_t groups, int64_t taps,
                       const float* weights, const float* bias, float* folded_weights, float* folded_bias);

}  // namespace tconv
