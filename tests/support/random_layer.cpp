#include "support/random_layer.hpp"

#include <algorithm>

namespace tconv_test {
namespace {

template <size_t count>
int64_t pick(Random& random, const int64_t (&values)[count]) {
  return values[uniform(random, 0, count - 1)];
}

tconv::Axis random_axis(Random& random, int64_t largest_input) {
  constexpr int64_t kernels[] = {1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 16};
  constexpr int64_t strides[] = {1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 8, 16};
  constexpr int64_t dilations[] = {1, 1, 1, 1, 2, 2, 3, 4, 6};
  tconv::Axis axis;
  axis.input = chance(random, 0.15) ? 1 : uniform(random, 1, largest_input);
  axis.kernel = pick(random, kernels);
  axis.stride = pick(random, strides);
  axis.dilation = pick(random, dilations);
  if (chance(random, 0.5)) axis.output_padding = uniform(random, 0, std::max(axis.stride, axis.dilation) - 1);
  const int64_t full = axis.stride * (axis.input - 1) + axis.dilation * (axis.kernel - 1) + 1 + axis.output_padding;
  if (chance(random, 0.7)) {
    // Mostly within the kernel, now and then beyond it.
    const int64_t most = std::min(full - 1, axis.dilation * (axis.kernel - 1) + (chance(random, 0.2) ? 2 * axis.stride : 0));
    axis.pad_begin = uniform(random, 0, most);
    axis.pad_end = uniform(random, 0, std::min(most, full - 1 - axis.pad_begin));
  }
  return axis;
}

void random_channels(Random& random, int64_t most, tconv::Description* d) {
  constexpr int64_t usual[] = {1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 21, 24, 31, 32, 33, 40, 40, 64, 100, 130};
  const auto channels = [&](int64_t limit) { return std::max<int64_t>(1, std::min(pick(random, usual), limit)); };
  if (chance(random, 0.55)) {
    d->in_channels = channels(most);
    d->out_channels = channels(most);
  } else if (chance(random, 0.5)) {  // depthwise
    d->groups = d->in_channels = d->out_channels = channels(most);
  } else {
    d->groups = uniform(random, 2, 5);
    d->in_channels = d->groups * channels(most / d->groups);
    d->out_channels = d->groups * channels(most / d->groups);
  }
}

// kernel = stride on all axes, as many real layers have it, and channels that halve.
void pixels_to_tiles(Random& random, tconv::Description* d) {
  d->groups = 1;
  d->in_channels += d->in_channels % 2;
  for (int a = 0; a < d->rank; ++a) {
    tconv::Axis& axis = d->axis[a];
    axis.dilation = 1;
    axis.kernel = axis.stride = uniform(random, 1, 4);
    axis.output_padding = std::min(axis.output_padding, axis.stride - 1);
    if (axis.stride * axis.input + axis.output_padding <= axis.pad_begin + axis.pad_end) axis.pad_begin = axis.pad_end = 0;
  }
}

}  // namespace

tconv::Activation random_activation(Random& random) {
  using Kind = tconv::ActivationKind;
  tconv::Activation f;
  f.kind = static_cast<Kind>(uniform(random, 0, static_cast<int64_t>(Kind::softplus)));
  f.alpha = static_cast<float>(uniform(random, -8, 8)) / 8;
  if (f.kind == Kind::clamp) f.beta = f.alpha + static_cast<float>(uniform(random, 0, 24)) / 8;
  return f;
}

tconv::Activation random_input_activation(Random& random) {
  constexpr tconv::ActivationKind kinds[] = {tconv::ActivationKind::relu, tconv::ActivationKind::leaky_relu,
                                             tconv::ActivationKind::elu};
  tconv::Activation f;
  f.kind = kinds[uniform(random, 0, 2)];
  f.alpha = static_cast<float>(uniform(random, -8, 8)) / 8;
  return f;
}

tconv::Description random_layer(Random& random, const LayerLimits& limits) {
  constexpr int64_t largest_input[] = {0, 70, 14, 6};
  for (;;) {
    tconv::Description d;
    d.rank = chance(random, 0.5) ? 2 : (chance(random, 0.5) ? 1 : 3);
    d.batch = chance(random, 0.7) ? 1 : uniform(random, 2, 3);
    for (int a = 0; a < d.rank; ++a) d.axis[a] = random_axis(random, largest_input[d.rank]);
    random_channels(random, limits.max_channels, &d);
    if (chance(random, 0.08)) pixels_to_tiles(random, &d);
    if (chance(random, 0.15)) d.auto_pad = static_cast<tconv::AutoPad>(uniform(random, 1, 3));
    if (chance(random, 0.1)) {
      for (int a = 0; a < d.rank; ++a) {
        const tconv::Axis& axis = d.axis[a];
        const int64_t full = axis.stride * (axis.input - 1) + axis.dilation * (axis.kernel - 1) + 1 + axis.output_padding;
        d.output_shape[a] = uniform(random, std::max<int64_t>(1, full - 5), full + 2);
      }
    }
    if (chance(random, 0.3)) d.activation = random_activation(random);
    if (chance(random, 0.1)) d.input_activation = random_input_activation(random);
    d.residual = chance(random, 0.15);

    const LayerSizes z = layer_sizes(d);
    if (z.output[0] < 1 || z.output[1] < 1 || z.output[2] < 1) continue;
    if (z.output_elements() > limits.elements || z.input_elements() > limits.elements) continue;
    if (z.multiplications() > limits.multiplications || z.weight_elements() > limits.multiplications) continue;
    return d;
  }
}

Gaps random_gaps(Random& random) {
  Gaps gaps;
  if (chance(random, 0.5)) return gaps;
  for (int64_t* gap : {&gaps.pixel, &gaps.row, &gaps.plane, &gaps.channel, &gaps.batch}) {
    if (chance(random, 0.5)) *gap = uniform(random, 1, 9);
  }
  return gaps;
}

tconv::CacheSizes random_caches(Random& random) {
  if (chance(random, 0.6)) return {};
  constexpr int64_t l1[] = {1, 256, 1024, 4096};
  tconv::CacheSizes sizes;
  sizes.l1 = static_cast<size_t>(pick(random, l1));
  sizes.l2 = sizes.l1 * static_cast<size_t>(uniform(random, 1, 8));
  sizes.l3 = chance(random, 0.5) ? 1 : 4 * sizes.l2;
  return sizes;
}

}  // namespace tconv_test
