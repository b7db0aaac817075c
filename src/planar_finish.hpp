// The last step of a planar output row: terms that overlap are added, finished (bias, activation, residual), interleaved by phase
// and stored, in place or, where rows are not contiguous in the output, through scratch.
#pragma once

#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "layer.hpp"
#include "outer_taps.hpp"
#include "planar.hpp"

namespace tconv::planar {

// Rows finished elsewhere than in the output: those of NHWC with several channels, and those that wait for a residual.
inline bool rows_in_place(const Layer& layer) {
  const Description& d = layer.description;
  return !d.residual && (d.layout == Layout::nchw || (d.out_channels == 1 && layer.geometry.output_pitch.pixel == 1));
}

// One past the last output of the periods [q, q + count); the last period may be cut (stride * (q + count) need not fit in 63
// bits).
inline int64_t strip_end(const Layer& layer, int64_t q, int64_t count) {
  const int64_t periods = ceil_div(layer.output(2), layer.axis(2).stride);
  return q + count >= periods ? layer.output(2) : layer.axis(2).stride * (q + count);
}

// The live phase counted from output 0; nullptr for a dead one.
inline const LivePhase* phase_from_output(const Layer& layer, int a, int64_t phase) {
  const Axis& axis = layer.axis(a);
  const int64_t below = axis.pad_begin % axis.stride - (axis.stride - phase);  // (phase + p) mod s - s, or that itself
  return layer.phases[a].find(below >= 0 ? below : below + axis.stride);
}

// The first of the taps of z that meet the image; copies of input rows are kept for the taps from there on.
inline int64_t first_z_tap(const Layer& layer, const OuterTaps& z) {
  return std::max<int64_t>(0, ceil_div(z.first_input - (layer.axis(0).input - 1), z.step));
}

// A strip of a row: q in [q, q + count), outputs [begin, end), inputs [x_begin, x_end) that its taps meet.
struct Strip {
  int64_t q = 0;
  int64_t count = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t window = 0;  // x of the first input that a tap may meet
  int64_t x_begin = 0;
  int64_t x_end = 0;
};

inline Strip strip_at(const Layer& layer, const Plan& plan, int64_t q) {
  const Axis& x = layer.axis(2);
  Strip s;
  s.q = q;
  s.count = std::min(plan.strip, ceil_div(layer.output(2), x.stride) - q);
  s.begin = x.stride * q;
  s.end = strip_end(layer, q, s.count);
  s.window = q - plan.largest_shift;
  s.x_begin = std::clamp<int64_t>(s.window, 0, x.input);
  s.x_end = std::clamp<int64_t>(s.window + s.count + plan.reach, s.x_begin, x.input);
  return s;
}

class Finisher {
 public:
  // Scratch: `rows` finished rows of a chunk (unless they are in place), `periods` the outputs of a phase of many, and the terms.
  struct Scratch {
    float* rows;
    float* periods;
    arch::OverlapTerm* term;
  };

  Finisher(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        in_place_(rows_in_place(layer)),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {}

  void use(const Scratch& scratch) { scratch_ = scratch; }
  bool in_place() const { return in_place_; }
  float* rows() const { return scratch_.rows; }
  const arch::Epilogue& epilogue() const { return epilogue_; }

  // Output (z, y, 0) of a channel (of all of them) of an image.
  float* output_row(int64_t image, int64_t channel, int64_t z, int64_t y) const {
    const Pitch& p = layer_.geometry.output_pitch;
    return arguments_.output + image * p.batch + channel * p.channel + z * p.plane + y * p.row;
  }

  // The activation that kernels of sums do not have.
  void apply(float* y, int64_t n, int64_t channel) const {
    const Last e = last(channel);
    kernels_.row_epilogue(y, static_cast<size_t>(n), {0.0f, e.slope, epilogue_});
  }

  void activate(float* y, int64_t n) const {
    if (activation_ != nullptr) activation_(y, static_cast<size_t>(n), layer_.description.activation.alpha);
  }

  // One row of channel c of a chunk that begins with `first_channel`. append(phase, term, at) adds the terms that reach a phase
  // (counted from output 0) and returns the end; their x begins at the strip's q.
  template <typename Append>
  void finish(const Strip& strip, int64_t image, int64_t first_channel, int64_t c, int64_t oz, int64_t oy, const Append& append) {
    const int64_t channel = first_channel + c;
    const int64_t n = strip.end - strip.begin;
    float* const y = output_row(image, channel, oz, oy);
    float* const to = in_place_ ? y + strip.begin : scratch_.rows + c * n;
    const bool residual = arguments_.residual != nullptr;
    overlap(strip, residual ? Last{} : last(channel), to, append);
    if (!residual) return activate(to, n);
    add_residual(strip, image, first_channel, c, oz, oy, to);
  }

  // The last step of a row of sums without bias, at `to`: where it is not to become pixels, to the output.
  void add_residual(const Strip& strip, int64_t image, int64_t first_channel, int64_t c, int64_t oz, int64_t oy, float* to) const {
    const int64_t channel = first_channel + c;
    const int64_t n = strip.end - strip.begin;
    float* const y = output_row(image, channel, oz, oy);
    const Pitch& pitch = layer_.geometry.residual_pitch;
    const float* r = arguments_.residual + image * pitch.batch + channel * pitch.channel + oz * pitch.plane + oy * pitch.row +
                     strip.begin * pitch.pixel;
    if (pitch.pixel != 1) {
      float* const gathered = scratch_.rows + plan_.chunk_channels * n;
      for (int64_t i = 0; i < n; ++i) gathered[i] = r[i * pitch.pixel];
      r = gathered;
    }
    float* const finished = layer_.description.layout == Layout::nchw ? y + strip.begin : to;
    kernels_.row_residual(to, r, finished, static_cast<size_t>(n), row_epilogue(last(channel)));
    activate(finished, n);
  }

  // NHWC: the finished rows of a chunk, transposed into the output.
  void store_pixels(const Strip& strip, int64_t image, int64_t first_channel, int64_t channels, int64_t oz, int64_t oy) {
    if (in_place_ || layer_.description.layout == Layout::nchw) return;
    const int64_t n = strip.end - strip.begin;
    const int64_t pixel = layer_.geometry.output_pitch.pixel;
    kernels_.transpose(scratch_.rows, n, static_cast<size_t>(channels), static_cast<size_t>(n),
                       output_row(image, first_channel, oz, oy) + strip.begin * pixel, pixel);
  }

  // `rows` rows of one channel of the output whose terms lie `input_stride` apart, in place. Only for few phases.
  template <typename Append>
  void finish_rows(const Strip& strip, float* y, int64_t channel, int64_t rows, int64_t input_stride, int64_t output_stride,
                   const Append& append) {
    interleave(strip, last(channel), y, rows, input_stride, output_stride, append);
    for (int64_t i = 0; activation_ != nullptr && i < rows; ++i) activate(y + i * output_stride, strip.end - strip.begin);
  }

  bool few_phases() const { return layer_.axis(2).stride <= arch::KernelTable::max_overlap_phases; }

 private:
  // RowEpilogue, passed on in registers: a copy of one that has just been put together from its parts would wait for their stores.
  struct Last {
    float bias = 0;
    float slope = 0;
    const arch::Epilogue* epilogue = &no_epilogue;
  };
  static constexpr arch::Epilogue no_epilogue{};
  Last last(int64_t channel) const {
    const size_t c = static_cast<size_t>(channel);
    return {plan_.bias[c], plan_.slopes.size() != 0 ? plan_.slopes[c] : 0.0f, &epilogue_};
  }
  static arch::RowEpilogue row_epilogue(const Last& last) { return {last.bias, last.slope, *last.epilogue}; }

  // to[o - begin] for o in [begin, end).
  template <typename Append>
  void overlap(const Strip& strip, const Last& e, float* to, const Append& append) {
    if (!few_phases()) return scatter_phases(strip, e, to, append);
    interleave(strip, e, to, 1, 0, 0, append);
  }

  template <typename Append>
  void interleave(const Strip& strip, const Last& e, float* to, int64_t rows, int64_t input_stride, int64_t output_stride,
                  const Append& append) {
    const int64_t stride = layer_.axis(2).stride;
    size_t terms[arch::KernelTable::max_overlap_phases];
    size_t at = 0;
    for (int64_t phase = 0; phase < stride; ++phase) {
      const size_t end = append(phase, scratch_.term, at);
      terms[phase] = end - at;
      at = end;
    }
    const int64_t cut = strip.count * stride - (strip.end - strip.begin);  // of the last period
    kernels_.overlap({scratch_.term, terms, static_cast<size_t>(stride), static_cast<size_t>(strip.count), to, row_epilogue(e),
                      static_cast<size_t>(rows), static_cast<ptrdiff_t>(input_stride), static_cast<ptrdiff_t>(output_stride),
                      static_cast<size_t>(cut), plan_.bands.periods != 0 ? static_cast<size_t>(layer_.axis(2).input) : 0});
  }

  // Many phases: one at a time, spread over the row. The dead ones hold the bias alone.
  template <typename Append>
  void scatter_phases(const Strip& strip, const Last& e, float* to, const Append& append) {
    const Axis& x = layer_.axis(2);
    float dead = 0;
    const size_t no_terms = 0;
    kernels_.overlap({scratch_.term, &no_terms, 1, 1, &dead, row_epilogue(e), 1, 0, 0});
    const int64_t n = strip.end - strip.begin;
    std::fill(to, to + n, dead);
    for (const LivePhase& phase : layer_.phases[2].live) {
      const int64_t back = phase.index - x.pad_begin % x.stride;
      const int64_t first = back >= 0 ? back : back + x.stride;
      const size_t terms = append(first, scratch_.term, 0);
      if (terms == 0) continue;
      kernels_.overlap({scratch_.term, &terms, 1, static_cast<size_t>(strip.count), scratch_.periods, row_epilogue(e), 1, 0, 0});
      const int64_t outputs = first < n ? (n - first - 1) / x.stride + 1 : 0;
      for (int64_t i = 0; i < outputs; ++i) to[first + x.stride * i] = scratch_.periods[i];
    }
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const bool in_place_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;
  Scratch scratch_{};
};

}  // namespace tconv::planar
