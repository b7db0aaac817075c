#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "input_rows.hpp"
#include "small_image.hpp"
#include "tasks.hpp"

namespace tconv::small_image {
namespace {

constexpr int64_t float_bytes = sizeof(float);

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

// A tap along one axis, and what it joins within a block.
struct AxisTap {
  int64_t tap;
  Range input;
  int64_t first_output;  // of input.begin; the next ones are a stride apart
};

// A tap of all axes that meets some inputs of a block.
struct Tap {
  int64_t index;
  int64_t first_pair;
  int64_t pairs;
};

int64_t rounded(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// The part of one thread's workspace for each purpose, in bytes.
struct WorkspaceLayout {
  int64_t sums, inputs, pairs, taps, axis_taps;
  int64_t bytes() const { return sums + inputs + pairs + taps + axis_taps; }
};

WorkspaceLayout workspace_layout(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  const Blocks& b = plan.blocks;
  return {rounded(b.output_pixels * plan.panels.vectors * static_cast<int64_t>(kernels.lanes) * float_bytes),
          rounded(b.input_pixels * layer.in_per_group * float_bytes),
          rounded(b.pairs * static_cast<int64_t>(sizeof(arch::PixelPair))),
          rounded(b.taps[0] * b.taps[1] * b.taps[2] * static_cast<int64_t>(sizeof(Tap))),
          rounded((b.taps[0] + b.taps[1] + b.taps[2]) * static_cast<int64_t>(sizeof(AxisTap)))};
}

// Some panels of one block of outputs of one channel group.
class Task {
 public:
  // `blocks`: those of the plan, or parts of them.
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const Blocks& blocks, const RunArguments& arguments,
       size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        blocks_(blocks),
        arguments_(arguments),
        planar_(layer.description.layout == Layout::nchw),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    const WorkspaceLayout w = workspace_layout(layer, kernels, plan);
    unsigned char* at = arguments.workspace + static_cast<int64_t>(slot) * w.bytes();
    sums_ = reinterpret_cast<float*>(at);
    inputs_ = reinterpret_cast<float*>(at += w.sums);
    pair_ = reinterpret_cast<arch::PixelPair*>(at += w.inputs);
    tap_ = reinterpret_cast<Tap*>(at += w.pairs);
    at += w.taps;
    for (int a = 0; a < max_rank; ++a) {
      axis_tap_[a] = reinterpret_cast<AxisTap*>(at);
      at += plan.blocks.taps[a] * static_cast<int64_t>(sizeof(AxisTap));
    }
  }

  void run(int64_t block, int64_t group, int64_t first_panel, int64_t last_panel) {
    group_ = group;
    const Blocks& b = blocks_;
    for (int a = max_rank - 1; a >= 0; --a) {
      output_[a].begin = block % b.count[a] * b.extent[a];
      output_[a].end = std::min(layer_.output(a), output_[a].begin + b.extent[a]);
      block /= b.count[a];
      list_axis_taps(a);
    }
    images_ = {block * b.images, std::min(layer_.description.batch, (block + 1) * b.images)};
    list_taps();
    copy_inputs();
    for (int64_t panel = first_panel; panel < last_panel; ++panel) run_panel(panel, last_panel);
  }

 private:
  int64_t input_pixels() const { return images_.size() * input_[0].size() * input_[1].size() * input_[2].size(); }
  int64_t output_pixels() const { return images_.size() * output_[0].size() * output_[1].size() * output_[2].size(); }

  void list_axis_taps(int a) {
    const Axis& axis = layer_.axis(a);
    axis_taps_[a] = 0;
    input_[a] = {axis.input, 0};
    for (int64_t t = 0; t < axis.kernel; ++t) {
      // Inputs i with  begin <= s * i + shift < end.
      const int64_t shift = axis.dilation * t - axis.pad_begin;
      const Range input{std::max<int64_t>(0, ceil_div(output_[a].begin - shift, axis.stride)),
                        std::min(axis.input, ceil_div(output_[a].end - shift, axis.stride))};
      if (input.begin >= input.end) continue;
      axis_tap_[a][axis_taps_[a]++] = {t, input, axis.stride * input.begin + shift - output_[a].begin};
      input_[a] = {std::min(input_[a].begin, input.begin), std::max(input_[a].end, input.end)};
    }
    if (axis_taps_[a] == 0) input_[a] = {0, 0};
  }

  void list_taps() {
    taps_ = 0;
    arch::PixelPair* pair = pair_;
    for (int64_t z = 0; z < axis_taps_[0]; ++z) {
      for (int64_t y = 0; y < axis_taps_[1]; ++y) {
        for (int64_t x = 0; x < axis_taps_[2]; ++x) {
          const AxisTap* const taps[max_rank] = {&axis_tap_[0][z], &axis_tap_[1][y], &axis_tap_[2][x]};
          Tap tap{(taps[0]->tap * layer_.axis(1).kernel + taps[1]->tap) * layer_.axis(2).kernel + taps[2]->tap, pair - pair_, 0};
          pair = list_pairs(taps, pair);
          tap.pairs = pair - pair_ - tap.first_pair;
          tap_[taps_++] = tap;
        }
      }
    }
  }

  arch::PixelPair* list_pairs(const AxisTap* const (&taps)[max_rank], arch::PixelPair* pair) const {
    const Range& x = taps[2]->input;
    for (int64_t n = 0; n < images_.size(); ++n) {
      for (int64_t z = 0; z < taps[0]->input.size(); ++z) {
        for (int64_t y = 0; y < taps[1]->input.size(); ++y) {
          const auto row = [&](const Range(&range)[max_rank], int64_t iz, int64_t iy) {
            return ((n * range[0].size() + iz) * range[1].size() + iy) * range[2].size();
          };
          const int64_t input =
              row(input_, taps[0]->input.begin + z - input_[0].begin, taps[1]->input.begin + y - input_[1].begin) + x.begin -
              input_[2].begin;
          const int64_t output =
              row(output_, taps[0]->first_output + z * layer_.axis(0).stride, taps[1]->first_output + y * layer_.axis(1).stride) +
              taps[2]->first_output;
          for (int64_t i = 0; i < x.size(); ++i)
            *pair++ = {static_cast<uint32_t>(input + i), static_cast<uint32_t>(output + i * layer_.axis(2).stride)};
        }
      }
    }
    return pair;
  }

  // The inputs of the block as [part][pixel][channel].
  void copy_inputs() {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const float* const base = arguments_.input + group_ * layer_.in_per_group * pitch.channel;
    float* to = inputs_;
    for (int64_t begin = 0; begin < layer_.in_per_group; begin += plan_.k_block) {
      const int64_t channels = std::min(plan_.k_block, layer_.in_per_group - begin);
      for (int64_t n = images_.begin; n < images_.end; ++n) {
        for (int64_t z = input_[0].begin; z < input_[0].end; ++z) {
          for (int64_t y = input_[1].begin; y < input_[1].end; ++y) {
            const float* const row =
                base + n * pitch.batch + z * pitch.plane + y * pitch.row + begin * pitch.channel + input_[2].begin * pitch.pixel;
            to = copy_row(row, channels, to);
          }
        }
      }
    }
    activate_input(layer_, kernels_, inputs_, static_cast<size_t>(to - inputs_));
  }

  float* copy_row(const float* row, int64_t channels, float* to) const {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const int64_t pixels = input_[2].size();
    if (planar_) {
      kernels_.transpose(row, pitch.channel, static_cast<size_t>(channels), static_cast<size_t>(pixels), to, channels);
    } else {
      for (int64_t x = 0; x < pixels; ++x) {
        std::memcpy(to + x * channels, row + x * pitch.pixel, static_cast<size_t>(channels) * sizeof(float));
      }
    }
    return to + pixels * channels;
  }

  struct Panel {
    int64_t first_column;
    int64_t width;
    int64_t columns;
    const float* weights;
  };
  Panel panel_of(int64_t index) const {
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const int64_t first = index * plan_.panels.vectors * lanes;
    const int64_t width = plan_.panels.vectors_of(index) * lanes;
    const int64_t column_weights = layer_.geometry.taps * layer_.in_per_group;
    return {first, width, std::min(width, layer_.out_per_group - first),
            plan_.weights.data() + (group_ * plan_.panels.padded_vectors() * lanes + first) * column_weights};
  }

  void run_panel(int64_t index, int64_t last_panel) {
    const Panel panel = panel_of(index);
    start_sums(panel);
    arch::PixelProduct p{};
    p.c = sums_;
    const float* part = panel.weights;  // of the part
    p.a = inputs_;
    for (int64_t begin = 0; begin < layer_.in_per_group; begin += plan_.k_block) {
      const int64_t channels = std::min(plan_.k_block, layer_.in_per_group - begin);
      const float* const next_part = part + layer_.geometry.taps * channels * panel.width;
      p.k = static_cast<size_t>(channels);
      p.a_stride = channels;
      for (int64_t i = 0; i < taps_; ++i) {
        p.pair = pair_ + tap_[i].first_pair;
        p.pairs = static_cast<size_t>(tap_[i].pairs);
        p.b = part + tap_[i].index * channels * panel.width;
        if (i + 1 != taps_) {
          p.next = part + tap_[i + 1].index * channels * panel.width;
        } else if (begin + channels < layer_.in_per_group || index + 1 != last_panel) {
          p.next = next_part + tap_[0].index * channels * panel.width;  // about: a part or a panel may be smaller
        } else {
          p.next = nullptr;
        }
        kernels_.pixels[panel.width / static_cast<int64_t>(kernels_.lanes) - 1](p);
      }
      p.a += input_pixels() * channels;
      part = next_part;
    }
    finish_sums(panel);
  }

  // f(first pixel of the sums, z, y, image) for each output row of the block.
  template <typename Function>
  void for_each_row(const Function& f) const {
    int64_t pixel = 0;
    for (int64_t n = images_.begin; n < images_.end; ++n) {
      for (int64_t z = output_[0].begin; z < output_[0].end; ++z) {
        for (int64_t y = output_[1].begin; y < output_[1].end; ++y, pixel += output_[2].size()) f(pixel, n, z, y);
      }
    }
  }

  template <typename T>
  T* row_of(T* base, const Pitch& pitch, const Panel& panel, int64_t n, int64_t z, int64_t y) const {
    return base + n * pitch.batch + z * pitch.plane + y * pitch.row + output_[2].begin * pitch.pixel +
           (group_ * layer_.out_per_group + panel.first_column) * pitch.channel;
  }

  // Zeros, or the residual.
  void start_sums(const Panel& panel) {
    std::memset(sums_, 0, static_cast<size_t>(output_pixels() * panel.width) * sizeof(float));
    if (arguments_.residual == nullptr) return;
    const Pitch& pitch = layer_.geometry.residual_pitch;
    for_each_row([&](int64_t pixel, int64_t n, int64_t z, int64_t y) {
      const float* const from = row_of(arguments_.residual, pitch, panel, n, z, y);
      float* const to = sums_ + pixel * panel.width;
      const int64_t pixels = output_[2].size();
      if (planar_) {
        kernels_.transpose(from, pitch.channel, static_cast<size_t>(panel.columns), static_cast<size_t>(pixels), to, panel.width);
      } else {
        for (int64_t x = 0; x < pixels; ++x) {
          std::memcpy(to + x * panel.width, from + x * pitch.pixel, static_cast<size_t>(panel.columns) * sizeof(float));
        }
      }
    });
  }

  // Bias and activation on the way to the output: a product without steps.
  void finish_sums(const Panel& panel) {
    const Pitch& pitch = layer_.geometry.output_pitch;
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const int64_t column = group_ * plan_.panels.padded_vectors() * lanes + panel.first_column;
    arch::GemmStrip strip{};
    strip.bias = plan_.bias.data() + column;
    if (plan_.slopes.size() != 0) strip.slopes = plan_.slopes.data() + column;
    strip.epilogue = epilogue_;
    strip.residual_stride = panel.width;
    const float alpha = layer_.description.activation.alpha;
    const arch::GemmFunction gemm = kernels_.gemm[panel.width / lanes - 1];
    if (planar_) {
      strip.residual = sums_;
      strip.c = sums_;
      strip.c_stride = panel.width;
      strip.rows = static_cast<size_t>(output_pixels());
      strip.columns = static_cast<size_t>(panel.width);
      gemm(strip);
      if (activation_ != nullptr) activation_(sums_, strip.rows * strip.columns, alpha);
    }
    for_each_row([&](int64_t pixel, int64_t n, int64_t z, int64_t y) {
      float* const to = row_of(arguments_.output, pitch, panel, n, z, y);
      float* const from = sums_ + pixel * panel.width;
      const size_t pixels = static_cast<size_t>(output_[2].size());
      if (planar_) {
        return kernels_.transpose(from, panel.width, pixels, static_cast<size_t>(panel.columns), to, pitch.channel);
      }
      strip.residual = from;
      strip.c = to;
      strip.c_stride = pitch.pixel;
      strip.rows = pixels;
      strip.columns = static_cast<size_t>(panel.columns);
      gemm(strip);
      if (activation_ == nullptr) return;
      for (size_t x = 0; x < pixels; ++x) activation_(to + static_cast<ptrdiff_t>(x) * pitch.pixel, strip.columns, alpha);
    });
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const Blocks& blocks_;
  const RunArguments& arguments_;
  const bool planar_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;

  float* sums_;            // [output pixel][column of the panel]
  float* inputs_;          // [part][input pixel][channel]
  arch::PixelPair* pair_;  // of all taps
  Tap* tap_;
  AxisTap* axis_tap_[max_rank];

  // Of the block at hand.
  int64_t group_ = 0;
  Range images_;
  Range output_[max_rank];
  Range input_[max_rank];
  int64_t taps_ = 0;
  int64_t axis_taps_[max_rank] = {};
};

// Halves the blocks along the first axis of (image, z, y, x) that allows it. They need no more workspace then.
bool split(const Layer& layer, Blocks* blocks) {
  const auto halve = [](int64_t whole, int64_t* size, int64_t* count) {
    if (*size <= 1) return false;
    *size = ceil_div(*size, 2);
    *count = ceil_div(whole, *size);
    return true;
  };
  if (halve(layer.description.batch, &blocks->images, &blocks->count[max_rank])) return true;
  for (int a = 0; a < max_rank; ++a) {
    if (halve(layer.output(a), &blocks->extent[a], &blocks->count[a])) return true;
  }
  return false;
}

}  // namespace

size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  return static_cast<size_t>(workspace_layout(layer, kernels, plan).bytes());
}

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const int64_t groups = layer.description.groups;
  const int64_t threads = arguments.parallelism.parallel_for == nullptr ? 1 : static_cast<int64_t>(arguments.parallelism.threads);
  // Threads share a block's panels and, where these are few, parts of a block. Neither changes the order of any sum.
  Blocks blocks = plan.blocks;
  while (threads > 1 && blocks.all() * groups * plan.panels.count < 2 * threads && split(layer, &blocks)) {
  }
  const int64_t outer = blocks.all() * groups;
  const int64_t chunks = std::min(plan.panels.count, ceil_div(threads > 1 ? 4 * threads : 1, outer));
  run_tasks(arguments.parallelism, outer * chunks, [&](int64_t index, size_t slot) {
    const int64_t chunk = index % chunks;
    const int64_t group = index / chunks % groups;
    Task(layer, kernels, plan, blocks, arguments, slot)
        .run(index / chunks / groups, group, plan.panels.count * chunk / chunks, plan.panels.count * (chunk + 1) / chunks);
  });
}

}  // namespace tconv::small_image
