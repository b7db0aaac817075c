#include "plan.hpp"

#include <cstdio>
#include <cstring>

#include "checked.hpp"
#include "depthwise.hpp"
#include "planar.hpp"
#include "planar_winograd.hpp"
#include "small_image.hpp"
#include "strassen.hpp"
#include "window_gemm.hpp"
#include "winograd.hpp"

namespace tconv {
namespace {

constexpr const char* names[] = {"auto",        "window_gemm", "planar",          "depthwise",
                                 "small_image", "winograd",    "planar_winograd", "strassen"};

struct Entry {
  Algorithm algorithm;
  bool (*supports)(const Layer& layer, const Options& options);
  double (*estimate)(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
  const char* needs;
};
constexpr const char* needs(bool left_out, const char* what) { return left_out ? "a build that has it (TCONV_ALGORITHMS)" : what; }
constexpr Entry entries[] = {
    {Algorithm::window_gemm, window_gemm::supports, window_gemm::estimate, needs(TCONV_WITHOUT_WINDOW_GEMM, "nothing")},
    {Algorithm::planar, planar::supports, planar::estimate,
     needs(TCONV_WITHOUT_PLANAR, "finite weights, and taps that reach at most 65536 inputs")},
    {Algorithm::depthwise, depthwise::supports, depthwise::estimate,
     needs(TCONV_WITHOUT_DEPTHWISE,
           "groups of one input channel, or several of at most 8 (nchw: of one input and one output, or finite weights and stride "
           "of x <= 2), no input_activation, at most 2^20 phases of x and 2^48 numbers a tensor")},
    {Algorithm::small_image, small_image::supports, small_image::estimate, needs(TCONV_WITHOUT_SMALL_IMAGE, "nothing")},
    {Algorithm::winograd, winograd::supports, winograd::estimate,
     needs(TCONV_WITHOUT_WINOGRAD,
           "winograd.accuracy strict or standard, max_workspace_bytes >= 131072, finite weights, a tap or more in every phase of x "
           "and y, two in some, within 256 inputs and few enough for winograd.outputs")},
    {Algorithm::planar_winograd, planar_winograd::supports, planar_winograd::estimate,
     needs(
         TCONV_WITHOUT_PLANAR_WINOGRAD,
         "winograd.accuracy strict or standard, max_workspace_bytes >= 131072, finite weights, a tap or more in every phase of y, "
         "two in some, within 256 inputs and few enough for winograd.outputs")},
    {Algorithm::strassen, strassen::supports, strassen::estimate,
     needs(TCONV_WITHOUT_STRASSEN,
           "winograd.accuracy standard, layout nhwc, kernel = stride on every axis, one group, an even number of input channels "
           "up to 8192, finite weights, and room in max_packed_bytes and max_workspace_bytes")},
};

// Groups of one channel: all but these do them one after the other, and their estimates leave out most of what calls for so little
// cost. Of 140 random layers (3 to 1500 channels, 4 to 256 pixels a side) one was as fast with another algorithm.
constexpr double one_channel = 4;
constexpr bool made_for_one_channel(Algorithm algorithm) {
  return algorithm == Algorithm::depthwise || algorithm == Algorithm::planar;
}

// Multiplications of the phases that do not fall into the crop and meet an input: taps met by all outputs of an axis.
int64_t taps_met(const Layer& layer, int a) {
  const Axis& axis = layer.axis(a);
  int64_t met = 0;
  for (int64_t t = 0; t < axis.kernel; ++t) {
    // Inputs i with 0 <= s * i + d * t - p < o.
    const int64_t shift = axis.dilation * t - axis.pad_begin;
    const int64_t first = shift >= 0 ? 0 : ceil_div(-shift, axis.stride);
    const int64_t room = layer.output(a) - 1 - shift;
    if (room < 0) continue;
    const int64_t last = room / axis.stride < axis.input - 1 ? room / axis.stride : axis.input - 1;
    if (last >= first) met += last - first + 1;
  }
  return met;
}

}  // namespace

const char* algorithm_name(Algorithm algorithm) {
  const size_t i = static_cast<size_t>(algorithm);
  return i < sizeof names / sizeof *names ? names[i] : "unknown";
}

bool algorithm_from_name(const char* name, Algorithm* algorithm) {
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (std::strcmp(name, names[i]) == 0) {
      *algorithm = static_cast<Algorithm>(i);
      return true;
    }
  }
  return false;
}

Status choose_algorithm(const Layer& layer, const arch::KernelTable& kernels, const Options& options, PlanSummary* summary) {
  PlanSummary s;
  s.target = kernels.target;
  double best = 0;
  for (const Entry& entry : entries) {
    if (!entry.supports(layer, options)) continue;
    double cycles = entry.estimate(layer, kernels, options);
    if (layer.description.groups > 1 && layer.in_per_group == 1 && layer.out_per_group == 1 &&
        !made_for_one_channel(entry.algorithm))
      cycles *= one_channel;
    if (!(cycles < 1e300)) continue;  // no variant of it keeps to the options
    s.candidate[s.candidates++] = {entry.algorithm, cycles};
    if (s.algorithm == Algorithm::automatic || cycles < best) {
      s.algorithm = entry.algorithm;
      best = cycles;
    }
  }
  if (options.algorithm != Algorithm::automatic) {
    const Entry* wanted = nullptr;
    for (const Entry& entry : entries) {
      if (entry.algorithm == options.algorithm) wanted = &entry;
    }
    if (wanted == nullptr) {
      return Status::error(StatusCode::invalid_argument, "algorithm = %d: unknown", static_cast<int>(options.algorithm));
    }
    if (!wanted->supports(layer, options)) {
      return Status::error(StatusCode::unsupported, "algorithm = %s: needs %s", algorithm_name(options.algorithm), wanted->needs);
    }
    s.algorithm = options.algorithm;
    std::snprintf(s.reason, sizeof s.reason, "%s was asked for", algorithm_name(s.algorithm));
  } else if (s.candidates == 0) {
    return Status::error(StatusCode::unsupported, "no algorithm of this build (TCONV_ALGORITHMS) can do this layer");
  } else if (s.candidates == 1) {
    std::snprintf(s.reason, sizeof s.reason, "%s is the only algorithm for this layer", algorithm_name(s.algorithm));
  } else {
    std::snprintf(s.reason, sizeof s.reason, "%s has the lowest estimate of %d: %.3g cycles", algorithm_name(s.algorithm),
                  s.candidates, best);
  }

  const Description& d = layer.description;
  const Geometry& g = layer.geometry;
  s.multiplications = d.batch * d.in_channels * layer.out_per_group * taps_met(layer, 0) * taps_met(layer, 1) * taps_met(layer, 2);
  const Checked with_zeros = Checked(g.output_elements) * layer.in_per_group * g.taps;
  s.zero_insertion_multiplications = with_zeros.overflowed() ? INT64_MAX : with_zeros.value();
  s.input_bytes = g.input_elements * static_cast<int64_t>(sizeof(float));
  s.output_bytes = g.output_elements * static_cast<int64_t>(sizeof(float));
  s.weight_bytes = g.weight_elements * static_cast<int64_t>(sizeof(float));
  *summary = s;
  return {};
}

}  // namespace tconv
