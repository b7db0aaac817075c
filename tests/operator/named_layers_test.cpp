// Layers with names: the classes of bugs that users reported of other libraries, and the corners of the arithmetic.
#include <gtest/gtest.h>

#include "support/sweep.hpp"

namespace tconv_test {
namespace {

using tconv::AutoPad;
using tconv::Axis;
using tconv::Description;

struct NamedLayer {
  const char* name;
  Description layer;
};

// in and out channels, groups, then the axes {input, kernel, stride, dilation, pad_begin, pad_end, output_padding}.
Description layer(int64_t in_channels, int64_t out_channels, int64_t groups, std::initializer_list<Axis> axes, int64_t batch = 1) {
  Description d;
  d.rank = static_cast<int>(axes.size());
  d.batch = batch;
  d.in_channels = in_channels;
  d.out_channels = out_channels;
  d.groups = groups;
  int a = 0;
  for (const Axis& axis : axes) d.axis[a++] = axis;
  return d;
}

Description same(AutoPad auto_pad, Description d) {
  d.auto_pad = auto_pad;
  return d;
}

Description shaped(Description d, std::initializer_list<int64_t> shape, AutoPad auto_pad = AutoPad::notset) {
  d.auto_pad = auto_pad;
  int a = 0;
  for (int64_t size : shape) d.output_shape[a++] = size;
  return d;
}

std::vector<NamedLayer> named_layers() {
  return {
      {"padding that is no multiple of the stride (CMSIS-NN issue 230)",
       layer(5, 7, 1, {{6, 4, 2, 1, 1, 1, 0}, {7, 4, 2, 1, 1, 1, 0}})},
      {"padding 1 and 2 at stride 3", layer(4, 6, 1, {{5, 5, 3, 1, 1, 2, 0}, {6, 5, 3, 1, 2, 1, 0}})},
      {"padding on one side only", layer(3, 8, 1, {{5, 3, 2, 1, 0, 1, 0}, {5, 3, 2, 1, 1, 0, 0}})},
      {"padding beyond the kernel", layer(3, 4, 1, {{9, 2, 2, 1, 3, 5, 0}, {9, 3, 2, 1, 6, 4, 1}})},
      {"padding that leaves one output", layer(3, 5, 1, {{3, 3, 2, 1, 3, 3, 0}, {3, 3, 2, 1, 6, 0, 0}})},
      {"stride_h != stride_w (CMSIS-NN pull request 243)", layer(4, 5, 1, {{5, 3, 1, 1, 1, 1, 0}, {6, 5, 3, 1, 1, 0, 0}})},
      {"stride_w = 1, stride_h = 4", layer(6, 9, 1, {{5, 4, 4, 1, 0, 0, 0}, {9, 3, 1, 1, 1, 1, 0}})},
      {"output width no multiple of the stride", layer(8, 16, 1, {{5, 4, 4, 1, 1, 2, 0}, {7, 5, 4, 1, 1, 0, 0}})},
      {"dilation with stride (onnxruntime issue 2518)", layer(3, 6, 1, {{6, 3, 2, 2, 1, 1, 0}, {7, 3, 2, 2, 1, 1, 1}})},
      {"dilation 2, stride 4: half of the phases dead", layer(4, 8, 1, {{5, 3, 4, 2, 1, 2, 0}, {6, 4, 4, 2, 3, 1, 2}})},
      {"dilation 4, stride 2", layer(4, 8, 1, {{5, 3, 2, 4, 3, 2, 1}, {6, 2, 2, 4, 1, 1, 3}})},
      {"dilation 6, stride 4: common divisor 2", layer(3, 4, 1, {{7, 3, 4, 6, 5, 2, 1}, {7, 5, 4, 6, 3, 4, 0}})},
      {"dilation 3, stride 2: no common divisor", layer(5, 5, 1, {{6, 4, 2, 3, 2, 1, 1}, {6, 3, 2, 3, 4, 0, 2}})},
      {"dilation = stride", layer(5, 9, 1, {{6, 3, 3, 3, 1, 1, 2}, {6, 3, 3, 3, 2, 0, 1}})},
      {"dilation without stride", layer(5, 9, 1, {{9, 3, 1, 2, 2, 2, 0}, {9, 3, 1, 3, 3, 3, 1}})},
      {"output_padding with kernel < stride", layer(3, 4, 1, {{4, 2, 5, 1, 0, 0, 4}, {4, 1, 4, 1, 0, 0, 3}})},
      {"output_padding with padding", layer(4, 6, 1, {{5, 3, 2, 1, 1, 1, 1}, {5, 3, 2, 1, 1, 1, 1}})},
      {"output_padding allowed by the dilation", layer(2, 3, 1, {{5, 3, 1, 4, 2, 1, 3}, {5, 2, 2, 3, 1, 1, 2}})},
      {"order of the weights of groups (XNNPACK issue 1951)", layer(6, 9, 3, {{5, 3, 2, 1, 1, 1, 0}, {5, 3, 2, 1, 1, 1, 0}}, 2)},
      {"groups with more outputs than inputs", layer(4, 24, 4, {{4, 4, 2, 1, 1, 1, 0}, {5, 4, 2, 1, 1, 1, 0}})},
      {"groups with one output each", layer(12, 4, 4, {{5, 3, 2, 1, 1, 0, 0}, {6, 2, 2, 1, 0, 0, 0}})},
      {"depthwise", layer(19, 19, 19, {{6, 4, 2, 1, 1, 1, 0}, {9, 4, 2, 1, 1, 1, 0}})},
      {"depthwise with multiplier 3", layer(7, 21, 7, {{5, 3, 2, 1, 1, 1, 1}, {5, 3, 2, 1, 1, 1, 1}})},
      {"depthwise, bilinear upsampling by 8", layer(21, 21, 21, {{4, 16, 8, 1, 4, 4, 0}, {5, 16, 8, 1, 4, 4, 0}})},
      {"depthwise, three axes", layer(10, 10, 10, {{3, 2, 2, 1, 0, 0, 0}, {3, 3, 2, 1, 1, 0, 0}, {4, 4, 2, 1, 1, 1, 0}})},
      {"1 x 1 input", layer(9, 10, 1, {{1, 4, 2, 1, 1, 1, 0}, {1, 4, 2, 1, 1, 1, 0}})},
      {"1 x 1 input to a 4 x 4 image (DCGAN's first layer)", layer(40, 33, 1, {{1, 4, 1, 1, 0, 0, 0}, {1, 4, 1, 1, 0, 0, 0}})},
      {"1 x 1 kernel, stride 1: a matrix product", layer(17, 23, 1, {{5, 1, 1, 1, 0, 0, 0}, {6, 1, 1, 1, 0, 0, 0}})},
      {"1 x 1 kernel, stride 3: mostly dead phases", layer(6, 5, 1, {{4, 1, 3, 1, 0, 0, 2}, {5, 1, 3, 1, 0, 0, 1}})},
      {"1 x 1 along one axis: dead phases beside filtered ones", layer(8, 20, 1, {{6, 3, 1, 1, 1, 1, 0}, {7, 1, 3, 1, 0, 0, 2}})},
      {"dead rows, filtered columns", layer(8, 20, 1, {{5, 1, 2, 1, 0, 0, 1}, {9, 4, 2, 1, 1, 1, 0}})},
      {"stride > kernel", layer(5, 6, 1, {{4, 2, 3, 1, 0, 0, 0}, {5, 3, 7, 1, 1, 0, 3}})},
      {"kernel = stride", layer(16, 24, 1, {{6, 2, 2, 1, 0, 0, 0}, {7, 2, 2, 1, 0, 0, 0}})},
      {"kernel = stride = 3, cropped", layer(8, 12, 1, {{6, 3, 3, 1, 1, 1, 0}, {7, 3, 3, 1, 2, 0, 0}})},
      {"one channel", layer(1, 1, 1, {{7, 3, 2, 1, 1, 1, 1}, {8, 5, 2, 1, 2, 2, 1}})},
      {"one input channel", layer(1, 20, 1, {{7, 4, 2, 1, 1, 1, 0}, {8, 4, 2, 1, 1, 1, 0}})},
      {"one output channel (FSRCNN's last layer)", layer(56, 1, 1, {{6, 9, 2, 1, 4, 4, 1}, {7, 9, 2, 1, 4, 4, 1}})},
      {"three output channels (an image)", layer(64, 3, 1, {{8, 4, 2, 1, 1, 1, 0}, {8, 4, 2, 1, 1, 1, 0}})},
      {"stride 1 (an ordinary convolution)", layer(12, 14, 1, {{8, 3, 1, 1, 1, 1, 0}, {9, 3, 1, 1, 1, 1, 0}})},
      {"SAME_UPPER, odd total", same(AutoPad::same_upper, layer(4, 5, 1, {{5, 3, 2, 1}, {6, 4, 3, 1}}))},
      {"SAME_LOWER, odd total", same(AutoPad::same_lower, layer(4, 5, 1, {{5, 3, 2, 1}, {6, 4, 3, 1}}))},
      {"SAME_UPPER with kernel < stride", same(AutoPad::same_upper, layer(4, 5, 1, {{5, 2, 4, 1}, {6, 1, 3, 1}}))},
      {"SAME_LOWER with dilation", same(AutoPad::same_lower, layer(4, 5, 1, {{5, 3, 2, 3}, {6, 2, 2, 2}}))},
      {"VALID overrides paddings", same(AutoPad::valid, layer(4, 5, 1, {{5, 3, 2, 1, 1, 1, 0}, {6, 4, 3, 1, 2, 2, 0}}))},
      {"output_shape smaller than full", shaped(layer(4, 5, 1, {{5, 3, 2, 1}, {6, 4, 3, 1}}), {8, 16})},
      {"output_shape, SAME_UPPER", shaped(layer(4, 5, 1, {{5, 3, 2, 1}, {6, 4, 3, 1}}), {8, 16}, AutoPad::same_upper)},
      {"output_shape larger than full", shaped(layer(3, 4, 1, {{3, 3, 3, 1}, {3, 3, 3, 1}}), {10, 12})},
      {"output_shape far beyond full: most cells are bias alone", shaped(layer(3, 4, 1, {{5, 4, 1, 6}}), {40000})},
      {"output_shape far beyond full, one channel", shaped(layer(1, 1, 1, {{1, 1, 2, 1}, {2, 3, 2, 1}}), {3, 30000})},
      {"k1024 s256 (pytorch issue 120982)", layer(2, 1, 1, {{9, 1024, 256, 1, 384, 384, 0}})},
      {"k64 s32 (a segmentation head)", layer(3, 3, 1, {{3, 64, 32, 1, 16, 16, 0}, {3, 64, 32, 1, 16, 16, 0}})},
      {"k16 s8, one axis (a vocoder)", layer(32, 16, 1, {{32, 16, 8, 1, 4, 4, 0}})},
      {"k25 s4 to one channel (WaveGAN's last layer)", layer(7, 1, 1, {{40, 25, 4, 1, 11, 10, 0}})},
      {"k40 s20 to one channel (a speech codec's decoder)", layer(6, 1, 1, {{19, 40, 20, 1, 10, 10, 0}})},
      {"stride 100, kernel 3", layer(3, 5, 1, {{4, 3, 100, 1, 1, 0, 60}})},
      {"dilation 50", layer(3, 5, 1, {{20, 3, 2, 50, 20, 31, 1}})},
      {"three axes", layer(5, 6, 1, {{3, 3, 2, 1, 1, 1, 1}, {4, 2, 2, 1, 0, 0, 0}, {5, 4, 2, 1, 1, 1, 0}}, 2)},
      {"three axes, mixed strides and dilations",
       layer(4, 3, 1, {{3, 2, 1, 2, 0, 1, 0}, {4, 3, 3, 1, 1, 1, 2}, {5, 3, 2, 2, 2, 1, 1}})},
      {"row of one pixel", layer(6, 7, 1, {{8, 4, 2, 1, 1, 1, 0}, {1, 4, 2, 1, 1, 1, 0}})},
      {"wide row", layer(3, 5, 1, {{2, 3, 2, 1, 1, 0, 0}, {150, 4, 2, 1, 1, 1, 0}})},
      {"long signal", layer(2, 3, 1, {{1000, 4, 2, 1, 1, 1, 0}})},
      {"4 x 4 image with many channels (DCGAN's second layer)", layer(150, 70, 1, {{4, 4, 2, 1, 1, 1, 0}, {4, 4, 2, 1, 1, 1, 0}})},
      {"2 x 2 x 2 volume with many channels",
       layer(72, 36, 1, {{2, 4, 2, 1, 1, 1, 0}, {2, 4, 2, 1, 1, 1, 0}, {2, 4, 2, 1, 1, 1, 0}})},
      {"1 x 1 image, most taps in the crop", layer(70, 20, 1, {{1, 7, 2, 1, 3, 2, 0}, {1, 7, 2, 1, 2, 3, 0}})},
      {"short signal with many channels, dilated", layer(130, 48, 1, {{6, 3, 2, 3, 2, 1, 0}})},
      {"batch of 3 small images in groups", layer(180, 42, 2, {{2, 3, 2, 1, 1, 0, 0}, {3, 3, 2, 1, 0, 1, 0}}, 3)},
      {"batch of 5", layer(4, 4, 1, {{4, 4, 2, 1, 1, 1, 0}, {4, 4, 2, 1, 1, 1, 0}}, 5)},
  };
}

class NamedLayers : public OnTarget {};

// Whole numbers: one product too many, too few or in the wrong place is visible as such. With bias, so that dead cells are tested.
TEST_P(NamedLayers, WholeNumbersAreExact) {
  Random random(1);
  Sweep sweep(GetParam(), "seed 1");
  for (const NamedLayer& named : named_layers()) {
    SCOPED_TRACE(named.name);
    for (bool bias : {true, false}) {
      const Problem problem = make_problem(named.layer, random, Data::whole, bias);
      Variant variant;
      variant.placement = bias ? Placement::ends_at_guard : Placement::begins_at_guard;
      sweep.run(problem, variant);
    }
  }
  sweep.require_every_algorithm();
}

TEST_P(NamedLayers, RealNumbersWithinTheBound) {
  Random random(2);
  Sweep sweep(GetParam(), "seed 2");
  for (const NamedLayer& named : named_layers()) {
    SCOPED_TRACE(named.name);
    sweep.run(make_problem(named.layer, random, Data::real));
  }
}

// Plans for absurdly small caches: every loop over blocks, strips and chunks turns.
TEST_P(NamedLayers, TinyCaches) {
  Random random(18);
  Sweep sweep(GetParam(), "seed 18");
  for (const NamedLayer& named : named_layers()) {
    SCOPED_TRACE(named.name);
    const Problem problem = make_problem(named.layer, random, Data::whole);
    for (const tconv::CacheSizes& sizes : {tconv::CacheSizes{1, 1, 1}, tconv::CacheSizes{256, 1280, 5120}}) {
      Variant variant;
      variant.cache = sizes;
      sweep.run(problem, variant);
    }
  }
}

TCONV_INSTANTIATE_ON_TARGETS(NamedLayers);

}  // namespace
}  // namespace tconv_test
