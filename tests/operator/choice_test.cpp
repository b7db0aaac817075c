// What the plan chooses where one algorithm is far ahead of the others, for fixed sizes of the caches.
#include <gtest/gtest.h>

#include <vector>

#include "tconv/conv_transpose.hpp"

namespace tconv_test {
namespace {

using tconv::Algorithm;
using tconv::Axis;

struct Choice {
  const char* name;
  int64_t in_channels, out_channels;
  int rank;
  Axis axis;  // along each
  bool small_image;
};

constexpr Choice choices[] = {
    {"dcgan_l1_100_1024", 100, 1024, 2, {1, 4, 1, 1, 0, 0, 0}, true},
    {"dcgan_l2", 1024, 512, 2, {4, 4, 2, 1, 1, 1, 0}, true},
    {"mbv2_unet_up1", 320, 512, 2, {4, 3, 2, 1, 0, 1, 0}, true},
    {"512 -> 256, 8 pixels of a signal, k16 s8", 512, 256, 1, {8, 16, 8, 1, 4, 4, 0}, true},
    {"256 -> 128, 2 x 2 x 2", 256, 128, 3, {2, 4, 2, 1, 1, 1, 0}, true},
    {"21 -> 21, k64 s32", 21, 21, 2, {16, 64, 32, 1, 16, 16, 0}, false},
    {"64 -> 32, 80 x 80", 64, 32, 2, {80, 2, 2, 1, 0, 0, 0}, false},
    {"256 -> 128, 256 pixels of a signal, k16 s8", 256, 128, 1, {256, 16, 8, 1, 4, 4, 0}, false},
};

class Choices : public testing::TestWithParam<tconv::Target> {};

TEST_P(Choices, SmallImagesOfManyChannelsStreamTheirWeights) {
  if (!tconv::target_supported(GetParam())) GTEST_SKIP() << "this CPU has no " << tconv::target_name(GetParam());
  for (const Choice& choice : choices) {
    for (const tconv::Layout layout : {tconv::Layout::nhwc, tconv::Layout::nchw}) {
      tconv::Description d;
      d.rank = choice.rank;
      d.layout = layout;
      d.in_channels = choice.in_channels;
      d.out_channels = choice.out_channels;
      int64_t taps = 1;
      for (int a = 0; a < d.rank; ++a) {
        d.axis[a] = choice.axis;
        taps *= choice.axis.kernel;
      }
      const std::vector<float> weights(static_cast<size_t>(d.in_channels * d.out_channels * taps));
      tconv::Options options;
      options.target = GetParam();
      options.cache = {48 << 10, 1 << 20, 32 << 20};
      options.winograd.accuracy = tconv::WinogradAccuracy::off;
      const auto op = tconv::ConvTranspose::create(d, weights.data(), nullptr, options);
      ASSERT_TRUE(op.ok()) << choice.name << ": " << op.status().message();
      EXPECT_EQ(op->plan().algorithm == Algorithm::small_image, choice.small_image)
          << choice.name << (layout == tconv::Layout::nhwc ? ", nhwc: " : ", nchw: ") << op->plan().reason;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(targets, Choices, testing::Values(tconv::Target::avx2, tconv::Target::avx512),
                         [](const testing::TestParamInfo<tconv::Target>& info) { return tconv::target_name(info.param); });

}  // namespace
}  // namespace tconv_test
