// The trained networks: as `tconv run` computes them, and the pictures that `tconv upscale --model` makes with them, against an
// evaluation in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "support/model_file.hpp"
#include "support/program.hpp"
#include "support/scratch.hpp"
#include "tools/graph/compile.hpp"
#include "tools/io/npy.hpp"
#include "tools/onnx/loader.hpp"
#include "tools/support/error.hpp"
#include "tools/upscale/filter.hpp"
#include "tools/upscale/network.hpp"
#include "upscaler/evaluate.hpp"

namespace tconv_test {
namespace {

using tools::Picture;
using tools::upscale::NetworkSettings;
using tools::upscale::NetworkUpscaler;

constexpr int64_t margin = 8;  // 2 + 4 x 1 of the convolutions, 2 of the transposed convolution

// Luma PSNR of the held-back picture, in dB, as shipped; the bicubic enlargement has 23.30.
constexpr double recorded_psnr = 27.787;
constexpr double recorded_psnr_small = 26.706;

const std::string& networks() {
  static const std::string folder = TCONV_NETWORKS;
  return folder;
}

Picture random_picture(uint64_t seed, int64_t width, int64_t height, int channels, int bits) {
  std::mt19937_64 random(seed);
  Picture picture;
  picture.width = width;
  picture.height = height;
  picture.channels = channels;
  picture.bits = bits;
  // Waves and noise, away from the limits mostly; alpha from a half on, as dividing by less would enlarge the rounding.
  const double largest = (1 << bits) - 1;
  std::uniform_real_distribution<double> noise(-0.15, 0.15);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        double value =
            0.5 + 0.3 * std::sin(0.4 * static_cast<double>(x) + c) * std::cos(0.3 * static_cast<double>(y) - c) + noise(random);
        if (picture.has_alpha() && c == channels - 1) value = 0.5 + value / 2;
        picture.samples.push_back(static_cast<uint16_t>(std::lround(std::clamp(value, 0.0, 1.0) * largest)));
      }
    }
  }
  return picture;
}

Picture enlarge(const Picture& picture, const std::string& name, int64_t tile, int threads = 1,
                const tconv::Options& options = tools::upscale::exact_options()) {
  NetworkSettings settings;
  settings.tile = tile;
  settings.options = options;
  NetworkUpscaler upscaler(name, tools::upscale::load_network(name, 2), picture, settings);
  Picture result = picture;
  result.width = upscaler.width();
  result.height = upscaler.height();
  result.samples.clear();
  const auto row = static_cast<int64_t>(result.width) * result.channels;
  tools::ThreadPool pool(threads);
  int64_t tiles = 0;
  upscaler.run(
      &pool, [&](const uint16_t* samples) { result.samples.insert(result.samples.end(), samples, samples + row); },
      [&](int64_t done) { tiles += done; });
  EXPECT_EQ(tiles, upscaler.tiles());
  EXPECT_EQ(static_cast<int64_t>(result.samples.size()), row * result.height);
  return result;
}

// ---- tconv run -----------------------------------------------------------------------------------------------------------------

class ShippedNetwork : public testing::TestWithParam<std::string> {};

TEST_P(ShippedNetwork, RunEqualsDoublePrecision) {
  const std::string path = networks() + GetParam() + ".onnx";
  std::mt19937_64 random(11);
  const Dims shape{1, 1, 26, 37};
  const std::vector<float> luma = random_floats(&random, count(shape), 0, 1);
  const Map wanted = fsrcnn(tools::onnx::load_model(path), map_of({luma.begin(), luma.end()}, 26, 37), 2);
  // The bound must be able to tell right from wrong: a thousandth of the picture's range would be visible.
  ASSERT_LT(wanted.error[0], 1e-3);
  Scratch scratch;
  const std::string input = scratch.file("x.npy", npy_bytes(shape, "<f4", raw(luma)));
  for (const std::vector<std::string>& extra : std::vector<std::vector<std::string>>{
           {}, {"--threads", "3"}, {"--layout", "nhwc"}, {"--no-fusion"}, {"--target", "scalar"}}) {
    std::vector<std::string> arguments{"run", path, "-i", input, "-o", scratch.path("y.npy")};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    const Ran ran = run_tconv(arguments);
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    const tools::Tensor y = tools::read_npy(scratch.path("y.npy"));
    ASSERT_EQ(y.shape, (Dims{1, 1, 52, 74}));
    for (size_t i = 0; i < wanted.value.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(y.data[i]), wanted.value[i], wanted.error[i])
          << testing::PrintToString(extra) << ", element " << i;
    }
    if (extra.empty()) {
      EXPECT_NE(ran.out.find("2 shared buffers"), std::string::npos) << ran.out;
    }
  }
}

// (The program and this evaluation differ by about 1e-6 of the picture's range, where the bounds are 7e-5 and 2e-5.)
INSTANTIATE_TEST_SUITE_P(Networks, ShippedNetwork, testing::Values("fsrcnn_x2", "fsrcnn_x2_small"));

// ---- pictures ------------------------------------------------------------------------------------------------------------------

double kernel(tools::upscale::Filter filter, double x) { return tools::upscale::filter_value(filter, x); }

// Values of one plane at twice as many positions, from the continuous kernel, border cells repeated.
double resampled(const std::vector<double>& plane, int64_t width, int64_t height, tools::upscale::Filter filter, int64_t ox,
                 int64_t oy) {
  const auto weights = [&](int64_t o, std::vector<double>* w) {
    const double position = (static_cast<double>(o) + 0.5) / 2 - 0.5;
    const auto first = static_cast<int64_t>(std::floor(position)) - 3;
    double sum = 0;
    for (int64_t i = first; i < first + 8; ++i) {
      w->push_back(kernel(filter, position - static_cast<double>(i)));
      sum += w->back();
    }
    for (double& v : *w) v /= sum;
    return first;
  };
  std::vector<double> wx;
  std::vector<double> wy;
  const int64_t fx = weights(ox, &wx);
  const int64_t fy = weights(oy, &wy);
  double sum = 0;
  for (int64_t j = 0; j < 8; ++j) {
    for (int64_t i = 0; i < 8; ++i) {
      const int64_t x = std::clamp<int64_t>(fx + i, 0, width - 1);
      const int64_t y = std::clamp<int64_t>(fy + j, 0, height - 1);
      sum += wx[static_cast<size_t>(i)] * wy[static_cast<size_t>(j)] * plane[static_cast<size_t>(y * width + x)];
    }
  }
  return sum;
}

struct Kind {
  int64_t width;
  int64_t height;
  int channels;
  int bits;
};
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.width << " x " << kind.height << ", " << kind.channels << " channels, " << kind.bits << " bits";
}

class EnlargedPicture : public testing::TestWithParam<Kind> {};

// Luma by the network, colour differences by bicubic, alpha by lanczos3; colours are multiplied by alpha before and divided by it
// after; rounded to nearest. An error of e before rounding moves a sample by at most e + 1/2.
TEST_P(EnlargedPicture, EqualsDoublePrecision) {
  const Kind kind = GetParam();
  const Picture picture = random_picture(3, kind.width, kind.height, kind.channels, kind.bits);
  const Picture result = enlarge(picture, "fsrcnn", 16);
  const Map luma =
      without_margin(fsrcnn(tools::onnx::load_model(networks() + "fsrcnn_x2.onnx"), padded_luma(picture, margin), 2), 2 * margin);
  ASSERT_LT(luma.error[0], 1e-3);
  ASSERT_EQ(luma.size[1], result.height);
  ASSERT_EQ(luma.size[2], result.width);

  const double largest = (1 << kind.bits) - 1;
  const int colours = kind.channels >= 3 ? 3 : 1;
  std::vector<double> alpha;
  std::vector<double> blue;
  std::vector<double> red;
  for (int64_t i = 0; i < kind.width * kind.height; ++i) {
    const uint16_t* p = picture.samples.data() + i * kind.channels;
    const double a = picture.has_alpha() ? p[colours] / largest : 1.0;
    alpha.push_back(a);
    if (colours == 1) continue;
    const double y = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
    blue.push_back((p[2] - y) / largest * a);
    red.push_back((p[0] - y) / largest * a);
  }
  for (int64_t oy = 0; oy < result.height; ++oy) {
    for (int64_t ox = 0; ox < result.width; ++ox) {
      const auto i = static_cast<size_t>(oy * result.width + ox);
      const uint16_t* sample = result.samples.data() + static_cast<int64_t>(i) * kind.channels;
      double wanted[4] = {luma.value[i], 0, 0, 0};
      if (colours == 3) {
        wanted[2] = luma.value[i] + resampled(blue, kind.width, kind.height, tools::upscale::Filter::bicubic, ox, oy);
        wanted[0] = luma.value[i] + resampled(red, kind.width, kind.height, tools::upscale::Filter::bicubic, ox, oy);
        wanted[1] = (luma.value[i] - 0.299 * wanted[0] - 0.114 * wanted[2]) / 0.587;
      }
      const double a =
          picture.has_alpha() ? resampled(alpha, kind.width, kind.height, tools::upscale::Filter::lanczos3, ox, oy) : 1.0;
      ASSERT_GT(a, 0.4);
      // Sums of at most 36 terms of size 1 in single precision beside the network's own error; green divides by 0.587.
      const double filters = 40 * 0x1p-24;
      for (int c = 0; c < colours; ++c) {
        const double error = (3 * luma.error[i] + 4 * filters) / a;
        ASSERT_NEAR(sample[c], largest * std::clamp(wanted[c] / a, 0.0, 1.0), largest * error + 0.5001)
            << ox << ", " << oy << ", " << c;
      }
      if (picture.has_alpha()) {
        ASSERT_NEAR(sample[colours], largest * std::clamp(a, 0.0, 1.0), largest * filters + 0.5001);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Pictures, EnlargedPicture,
                         testing::Values(Kind{1, 1, 1, 8}, Kind{1, 19, 1, 16}, Kind{23, 1, 3, 8}, Kind{2, 3, 4, 16},
                                         Kind{33, 18, 1, 16}, Kind{17, 20, 2, 8}, Kind{21, 35, 3, 8}, Kind{20, 17, 4, 8},
                                         Kind{18, 21, 4, 16}));

TEST(Tiles, DoNotChangeABit) {
  // 16 bits and four channels: 23,000 samples of 65,536 levels, of which single-precision noise would move some.
  const Picture picture = random_picture(5, 61, 47, 4, 16);
  const Picture whole = enlarge(picture, "fsrcnn", 1000);
  for (int64_t tile : {8, 13, 32, 60}) {
    for (int threads : {1, 3}) {
      EXPECT_TRUE(enlarge(picture, "fsrcnn", tile, threads).samples == whole.samples) << "tile " << tile << ", threads " << threads;
    }
  }
  for (tconv::Target target : tconv::all_targets) {
    if (!tconv::target_supported(target)) continue;
    tconv::Options options = tools::upscale::exact_options();
    options.target = target;
    EXPECT_TRUE(enlarge(picture, "fsrcnn-small", 11, 1, options).samples ==
                enlarge(picture, "fsrcnn-small", 64, 2, options).samples)
        << tconv::target_name(target);
  }
}

// The margin comes from the layers: less would change the result next to a tile's border (Tiles.DoNotChangeABit sees that), more
// would be work for nothing.
TEST(Tiles, MarginIsTheReachOfTheLayers) {
  const Picture picture = random_picture(5, 20, 20, 1, 8);
  const auto margin_of = [&](const std::string& name) {
    return NetworkUpscaler(name, tools::upscale::load_network(name, 2), picture, {}).margin();
  };
  EXPECT_EQ(margin_of("fsrcnn"), 2 + 4 + 2);
  EXPECT_EQ(margin_of("fsrcnn-small"), 2 + 1 + 2);
}

TEST(Quality, HeldBackPicture) {
  // Rendered by examples/upscaler/pictures.py: render(HELD_BACK_SEED, 2), and shrink() of it.
  const std::string folder = TCONV_UPSCALER_TESTS;
  const Picture original = tools::read_png(folder + "held_back.png");
  const Picture small = tools::read_png(folder + "held_back_small.png");
  const auto psnr = [&](const Picture& enlarged) {
    double sum = 0;
    for (size_t i = 0; i < original.samples.size(); ++i) {
      const double error = static_cast<double>(original.samples[i]) - static_cast<double>(enlarged.samples[i]);
      sum += error * error;
    }
    return 10 * std::log10(255.0 * 255.0 * static_cast<double>(original.samples.size()) / sum);
  };
  ASSERT_EQ(original.samples.size(), 4 * small.samples.size());
  EXPECT_GE(psnr(enlarge(small, "fsrcnn", 128)), recorded_psnr - 0.01);
  EXPECT_GE(psnr(enlarge(small, "fsrcnn-small", 128)), recorded_psnr_small - 0.01);
}

}  // namespace
}  // namespace tconv_test
