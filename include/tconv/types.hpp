// Small types shared by the whole public interface: Status and Result, layouts, data types, activations, pitches.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tconv {

// Why a call did not succeed.
enum class StatusCode : uint8_t {
  ok,
  invalid_argument,  // a field or pointer has a value that no layer can have; the message names both
  overflow,          // the sizes are legal one by one, but a product does not fit in 63 bits
  unsupported,       // legal, but this build or this CPU cannot do it
  out_of_memory,     // an allocation in create() or pack failed
};

// Result of a call. Holds its one-line message in place, so that reporting an error never allocates.
// Messages name the field and its value, e.g. "stride[1] = 0: must be at least 1".
class [[nodiscard]] Status {
 public:
  static constexpr size_t max_message = 240;

  Status() = default;  // ok
  // printf-style; the message is cut at max_message - 1 bytes.
  static Status error(StatusCode code, const char* format, ...) __attribute__((format(printf, 2, 3)));

  bool ok() const { return code_ == StatusCode::ok; }
  StatusCode code() const { return code_; }
  // Empty string when ok. Lives as long as this object.
  const char* message() const { return message_; }

 private:
  StatusCode code_ = StatusCode::ok;
  char message_[max_message] = {};
};

// A value or the Status that says why there is none. T must be default-constructible and movable.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(Status status) : status_(status) { assert(!status_.ok()); }  // NOLINT: implicit by design
  Result(T value) : value_(std::move(value)) {}                       // NOLINT: implicit by design

  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }
  // Only when ok().
  T& value() { return (assert(ok()), value_); }
  const T& value() const { return (assert(ok()), value_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  T value_{};
};

// Order of the dimensions in memory, outermost first. Rank 1 has no H and D, rank 2 no D:
// nchw stands for NCW, NCHW, NCDHW and nhwc for NWC, NHWC, NDHWC.
enum class Layout : uint8_t { nchw, nhwc };

enum class DataType : uint8_t { f32 };

// Distances between neighbours, in elements. 0 = dense, derived from the inner dimensions.
// Everything else must leave room for what lies inside it (no overlap); checked by resolve().
//   nhwc: channel is 1; pixel >= channels, row >= width * pixel, plane >= height * row, batch >= depth * plane.
//         pixel > channels makes the tensor a channel slice of a wider one (a U-Net's concatenation).
//   nchw: pixel is 1; row >= width, plane >= height * row, channel >= depth * plane, batch >= channels * channel.
struct Pitch {
  int64_t pixel = 0;    // between neighbours along the width
  int64_t row = 0;      // between neighbours along the height
  int64_t plane = 0;    // between neighbours along the depth
  int64_t channel = 0;  // between channels
  int64_t batch = 0;    // between images
};

// Element-wise functions applied to x = sum + bias (+ residual) while the result is still in cache.
// NaN in gives NaN out in all of them. At minus infinity silu and gelu give their limit, -0; hard_swish gives NaN, as its formula
// does.
enum class ActivationKind : uint8_t {
  none,        // x
  relu,        // max(x, 0)
  clamp,       // min(max(x, alpha), beta); relu6 is alpha = 0, beta = 6
  leaky_relu,  // x >= 0 ? x : alpha * x
  prelu,       // x >= 0 ? x : slopes[channel] * x
  tanh,        // tanh(x)
  sigmoid,     // 1 / (1 + exp(-x))
  silu,        // x / (1 + exp(-x))
  gelu,        // x / 2 * (1 + erf(x / sqrt(2)))   (the exact form, not the tanh approximation)
  elu,         // x >= 0 ? x : alpha * (exp(x) - 1)
  hard_swish,  // x * min(max(x / 6 + 1 / 2, 0), 1)
  softplus,    // log(1 + exp(x))
};

struct Activation {
  ActivationKind kind = ActivationKind::none;
  float alpha = 0.0f;             // clamp: lower bound; leaky_relu, elu: slope / scale
  float beta = 0.0f;              // clamp: upper bound
  const float* slopes = nullptr;  // prelu: one per output channel; read by create() only
};

}  // namespace tconv
