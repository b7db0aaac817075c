#include "input_rows.hpp"

#include <algorithm>
#include <cstring>

#include "checked.hpp"

namespace tconv {

void activate_input(const Layer& layer, const arch::KernelTable& kernels, float* x, size_t n) {
  const Activation& activation = layer.description.input_activation;
  if (activation.kind == ActivationKind::none) return;
  if (activation.kind == ActivationKind::elu) return kernels.activations.elu(x, n, activation.alpha);
  kernels.row_epilogue(x, n, {0.0f, activation.alpha, {activation.kind, activation.alpha, activation.beta}});
}

void copy_pixels(const Layer& layer, const arch::KernelTable& kernels, const float* row, int64_t first, int64_t last, int64_t pitch,
                 float* to) {
  const int64_t channels = layer.in_per_group;
  const Pitch& from = layer.geometry.input_pitch;
  const int64_t begin = std::clamp<int64_t>(0, first, last);
  const int64_t end = std::clamp<int64_t>(layer.axis(2).input, begin, last);
  std::memset(to, 0, static_cast<size_t>((begin - first) * pitch) * sizeof(float));
  float* const copied = to + (begin - first) * pitch;
  if (layer.description.layout == Layout::nchw) {
    kernels.transpose(row + begin, from.channel, static_cast<size_t>(channels), static_cast<size_t>(end - begin), copied, pitch);
  } else if (from.pixel == channels && pitch == channels) {
    if (end > begin) std::memcpy(copied, row + begin * channels, static_cast<size_t>((end - begin) * channels) * sizeof(float));
  } else {
    for (int64_t x = begin; x < end; ++x) {
      std::memcpy(copied + (x - begin) * pitch, row + x * from.pixel, static_cast<size_t>(channels) * sizeof(float));
    }
  }
  if (layer.has_input_activation()) {
    for (int64_t x = begin; x < end; ++x)
      activate_input(layer, kernels, copied + (x - begin) * pitch, static_cast<size_t>(channels));
  }
  std::memset(to + (end - first) * pitch, 0, static_cast<size_t>((last - end) * pitch) * sizeof(float));
}

void copy_channel_row(const Layer& layer, const arch::KernelTable& kernels, const float* row, int64_t first, int64_t last,
                      float* to) {
  const int64_t pitch = layer.geometry.input_pitch.pixel;
  const int64_t begin = std::clamp<int64_t>(0, first, last);
  const int64_t end = std::clamp<int64_t>(layer.axis(2).input, begin, last);
  std::memset(to, 0, static_cast<size_t>(begin - first) * sizeof(float));
  float* const copied = to + (begin - first);
  if (pitch == 1) {
    if (end > begin) std::memcpy(copied, row + begin, static_cast<size_t>(end - begin) * sizeof(float));
  } else {
    for (int64_t x = begin; x < end; ++x) copied[x - begin] = row[x * pitch];
  }
  activate_input(layer, kernels, copied, static_cast<size_t>(end - begin));
  std::memset(to + (end - first), 0, static_cast<size_t>(last - end) * sizeof(float));
}

void copy_blocks(const Layer& layer, const arch::KernelTable& kernels, const float* row, int64_t first, int64_t blocks,
                 int64_t block, float* to) {
  const Pitch& from = layer.geometry.input_pitch;
  const int64_t channels = layer.in_per_group;
  const int64_t count = std::clamp<int64_t>(layer.axis(2).input - first, 0, blocks * block);
  if (layer.description.layout == Layout::nchw) {
    for (int64_t c = 0; c < channels; ++c) {
      kernels.copy_blocks(row + c * from.channel + first, static_cast<size_t>(count), to + c * block, channels * block);
    }
  } else {
    kernels.pixel_blocks(row + first * from.pixel, from.pixel, static_cast<size_t>(count), static_cast<size_t>(channels), to);
    const int64_t done = ceil_div(count, block) * block;
    std::memset(to + done * channels, 0, static_cast<size_t>((blocks * block - done) * channels) * sizeof(float));
  }
  activate_input(layer, kernels, to, static_cast<size_t>(blocks * channels * block));
}

}  // namespace tconv
