#include <cinttypes>
#include <cmath>

#include "tconv/conv_transpose.hpp"

namespace tconv {

Status fold_batch_norm(const BatchNorm& norm, int64_t in_channels, int64_t out_channels, int64_t groups, int64_t taps,
                       const float* weights, const float* bias, float* folded_weights, float* folded_bias) {
  const struct {
    const char* name;
    const void* pointer;
  } pointers[] = {{"scale", norm.scale},       {"shift", norm.shift}, {"mean", norm.mean},
                  {"variance", norm.variance}, {"weights", weights},  {"folded_weights", folded_weights},
                  {"folded_bias", folded_bias}};
  for (const auto& p : pointers) {
    if (p.pointer == nullptr) return Status::error(StatusCode::invalid_argument, "%s = nullptr", p.name);
  }
  const struct {
    const char* name;
    int64_t value;
  } sizes[] = {{"in_channels", in_channels}, {"out_channels", out_channels}, {"groups", groups}, {"taps", taps}};
  for (const auto& s : sizes) {
    if (s.value < 1) return Status::error(StatusCode::invalid_argument, "%s = %" PRId64 ": must be at least 1", s.name, s.value);
  }
  if (in_channels % groups != 0 || out_channels % groups != 0) {
    return Status::error(StatusCode::invalid_argument,
                         "groups = %" PRId64 ": must divide in_channels = %" PRId64 " and out_channels = %" PRId64, groups,
                         in_channels, out_channels);
  }
  for (int64_t co = 0; co < out_channels; ++co) {
    if (!(static_cast<double>(norm.variance[co]) + static_cast<double>(norm.epsilon) > 0)) {
      return Status::error(StatusCode::invalid_argument, "variance[%" PRId64 "] + epsilon = %g + %g: must be positive", co,
                           static_cast<double>(norm.variance[co]), static_cast<double>(norm.epsilon));
    }
  }
  const int64_t in_per_group = in_channels / groups;
  const int64_t out_per_group = out_channels / groups;
  for (int64_t co = 0; co < out_channels; ++co) {
    const double factor =
        static_cast<double>(norm.scale[co]) / std::sqrt(static_cast<double>(norm.variance[co]) + static_cast<double>(norm.epsilon));
    const int64_t group = co / out_per_group;
    for (int64_t ci = group * in_per_group; ci < (group + 1) * in_per_group; ++ci) {
      const int64_t row = (ci * out_per_group + co % out_per_group) * taps;
      for (int64_t t = 0; t < taps; ++t)
        folded_weights[row + t] = static_cast<float>(factor * static_cast<double>(weights[row + t]));
    }
    const double b = bias != nullptr ? static_cast<double>(bias[co]) : 0.0;
    folded_bias[co] = static_cast<float>(factor * (b - static_cast<double>(norm.mean[co])) + static_cast<double>(norm.shift[co]));
  }
  return {};
}

}  // namespace tconv
