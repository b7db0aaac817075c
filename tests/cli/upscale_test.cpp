// Upscaling against an independent resampler: double precision, one axis after the other, every output pixel from the continuous
// kernel at its own position, the picture's border read again where the kernel hangs over it. No phase, no stride, no convolution.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "support/program.hpp"
#include "support/scratch.hpp"
#include "tools/io/png.hpp"
#include "tools/upscale/filter.hpp"
#include "tools/upscale/upscaler.hpp"

namespace tconv_test {
namespace {

using tools::Picture;
using tools::upscale::Filter;
using tools::upscale::Settings;
using tools::upscale::Upscaler;

constexpr double pi = 3.14159265358979323846;

// Written down a second time, from the formulas.
double kernel(Filter filter, double x) {
  x = std::fabs(x);
  if (filter == Filter::bilinear) return std::max(0.0, 1 - x);
  if (filter == Filter::bicubic) {
    if (x <= 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
    return x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
  }
  if (x == 0) return 1;
  return x < 3 ? 3 * std::sin(pi * x) * std::sin(pi * x / 3) / (pi * pi * x * x) : 0;
}

// One line of samples at `scale` times as many positions.
std::vector<double> resample_line(const std::vector<double>& line, int scale, Filter filter) {
  const auto size = static_cast<int64_t>(line.size());
  const int radius = static_cast<int>(filter) + 1;
  std::vector<double> result;
  for (int64_t o = 0; o < size * scale; ++o) {
    const double position = (static_cast<double>(o) + 0.5) / scale - 0.5;
    double sum = 0;
    double weight = 0;
    for (auto i = static_cast<int64_t>(std::floor(position)) - radius; i <= static_cast<int64_t>(std::floor(position)) + radius + 1;
         ++i) {
      const double w = kernel(filter, position - static_cast<double>(i));
      sum += w * line[static_cast<size_t>(std::clamp<int64_t>(i, 0, size - 1))];
      weight += w;
    }
    result.push_back(sum / weight);
  }
  return result;
}

double srgb_decode(double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); }
double srgb_encode(double v) { return v <= 0.0031308 ? v * 12.92 : 1.055 * std::pow(v, 1 / 2.4) - 0.055; }

// The whole job; values before rounding, in units of the last place of the samples.
std::vector<double> resample(const Picture& p, int scale, Filter filter, bool linear) {
  const auto channels = static_cast<size_t>(p.channels);
  const auto width = static_cast<size_t>(p.width);
  const auto height = static_cast<size_t>(p.height);
  const size_t out_width = width * static_cast<size_t>(scale);
  const size_t out_height = height * static_cast<size_t>(scale);
  const double top = (1 << p.bits) - 1;
  std::vector<double> result(out_width * out_height * channels);
  const size_t colours = p.has_alpha() ? channels - 1 : channels;
  for (size_t c = 0; c < channels; ++c) {
    std::vector<double> wide(out_width * height);
    for (size_t y = 0; y < height; ++y) {
      std::vector<double> line(width);
      for (size_t x = 0; x < width; ++x) {
        const uint16_t* pixel = &p.samples[(y * width + x) * channels];
        double v = pixel[c] / top;
        if (c < colours) v = (linear ? srgb_decode(v) : v) * (p.has_alpha() ? pixel[colours] / top : 1);
        line[x] = v;
      }
      const std::vector<double> longer = resample_line(line, scale, filter);
      std::copy(longer.begin(), longer.end(), wide.begin() + static_cast<int64_t>(y * out_width));
    }
    for (size_t x = 0; x < out_width; ++x) {
      std::vector<double> line(height);
      for (size_t y = 0; y < height; ++y) line[y] = wide[y * out_width + x];
      const std::vector<double> longer = resample_line(line, scale, filter);
      for (size_t y = 0; y < out_height; ++y) result[(y * out_width + x) * channels + c] = longer[y];
    }
  }
  for (size_t i = 0; i < result.size(); i += channels) {
    const double alpha = p.has_alpha() ? result[i + colours] : 1;
    for (size_t c = 0; c < colours; ++c) {
      const double v = alpha * top >= 0.5 ? std::clamp(result[i + c] / alpha, 0.0, 1.0) : 0;
      result[i + c] = top * (linear ? srgb_encode(v) : v);
    }
    if (p.has_alpha()) result[i + colours] = top * std::clamp(alpha, 0.0, 1.0);
  }
  return result;
}

Picture random_picture(std::mt19937_64* random, int width, int height, int channels, int bits) {
  std::uniform_int_distribution<int> uniform(0, (1 << bits) - 1);
  Picture p;
  p.width = width;
  p.height = height;
  p.channels = channels;
  p.bits = bits;
  for (int i = 0; i < width * height * channels; ++i) p.samples.push_back(static_cast<uint16_t>(uniform(*random)));
  return p;
}

std::vector<uint16_t> upscaled(const Picture& p, const Settings& settings, int threads = 1) {
  const Upscaler upscaler(p, settings);
  tools::ThreadPool pool(threads);
  std::vector<uint16_t> samples;
  int64_t rows = 0;
  upscaler.run(
      &pool, [&](const uint16_t* row) { samples.insert(samples.end(), row, row + upscaler.width() * p.channels); },
      [&](int64_t done) { rows += done; });
  EXPECT_EQ(rows, p.height);
  return samples;
}

// Half a unit for rounding, and what float arithmetic adds: up to 36 products of sum 1 (2.5 with the negative lobes) to a float
// epsilon each, times how steeply the encoding rises (12.92 for linear light near black) and how small alpha may be.
double tolerance(const Picture& p, bool linear, double alpha) {
  const double top = (1 << p.bits) - 1;
  return 0.5 + top * (36 + 4) * 0x1p-24 * 2.5 * (linear ? 13 : 1) / alpha;
}

void expect_right(const Picture& p, const Settings& settings, const std::string& what) {
  const std::vector<double> want = resample(p, settings.scale, settings.filter, settings.linear_light);
  const std::vector<uint16_t> actual = upscaled(p, settings);
  ASSERT_EQ(actual.size(), want.size()) << what;
  const auto channels = static_cast<size_t>(p.channels);
  const double top = (1 << p.bits) - 1;
  for (size_t i = 0; i < want.size(); ++i) {
    double alpha = 1;
    if (p.has_alpha() && i % channels != channels - 1) {
      alpha = want[i / channels * channels + channels - 1] / top;
      if (alpha * top < 0.51) continue;  // next to invisible: either side of the threshold below which colours are 0
    }
    ASSERT_NEAR(actual[i], want[i], tolerance(p, settings.linear_light, alpha)) << what << ", sample " << i;
  }
}

TEST(Upscale, EveryFilterScaleAndKindOfPictureMatchesTheResampler) {
  std::mt19937_64 random(11);
  for (Filter filter : {Filter::bilinear, Filter::bicubic, Filter::lanczos3}) {
    for (int scale = 2; scale <= 8; ++scale) {
      for (int channels = 1; channels <= 4; ++channels) {
        for (int bits : {8, 16}) {
          for (bool linear : {false, true}) {
            Settings settings;
            settings.scale = scale;
            settings.filter = filter;
            settings.linear_light = linear;
            const Picture p = random_picture(&random, 9, 6, channels, bits);
            expect_right(p, settings,
                         std::string(tools::upscale::filter_name(filter)) + " x " + std::to_string(scale) + ", " +
                             std::to_string(channels) + " channels of " + std::to_string(bits) + " bits, " +
                             (linear ? "linear" : "stored") + ", seed 11");
          }
        }
      }
    }
  }
}

TEST(Upscale, TinyAndThinPictures) {
  std::mt19937_64 random(12);
  for (const auto& [width, height] : {std::pair{1, 1}, std::pair{1, 17}, std::pair{23, 1}, std::pair{2, 2}, std::pair{3, 150}}) {
    for (int scale : {2, 3, 8}) {
      Settings settings;
      settings.scale = scale;
      expect_right(random_picture(&random, width, height, 3, 8), settings, std::to_string(width) + " x " + std::to_string(height));
    }
  }
}

TEST(Upscale, StripsThreadsAndTargetsDoNotChangeThePicture) {
  std::mt19937_64 random(13);
  const Picture p = random_picture(&random, 31, 29, 3, 16);
  Settings settings;
  settings.scale = 3;
  settings.strip_rows = 1000;
  const std::vector<uint16_t> whole = upscaled(p, settings);
  for (int64_t rows : {1, 2, 5, 7, 28, 29}) {
    settings.strip_rows = rows;
    EXPECT_EQ(upscaled(p, settings), whole) << rows << " rows";
  }
  EXPECT_EQ(upscaled(p, settings, 4), whole);
}

TEST(Upscale, EveryTargetMatchesTheResampler) {
  std::mt19937_64 random(14);
  for (tconv::Target target : tconv::all_targets) {
    if (!tconv::target_supported(target)) continue;
    Settings settings;
    settings.scale = 3;
    settings.options.target = target;
    expect_right(random_picture(&random, 37, 11, 3, 8), settings, tconv::target_name(target));
    expect_right(random_picture(&random, 37, 11, 1, 8), settings, tconv::target_name(target));
  }
}

TEST(Upscale, ConstantPicturesStayConstant) {
  for (Filter filter : {Filter::bilinear, Filter::bicubic, Filter::lanczos3}) {
    for (bool linear : {false, true}) {
      for (int value : {0, 1, 77, 255}) {
        Settings settings;
        settings.scale = 5;
        settings.filter = filter;
        settings.linear_light = linear;
        Picture p;
        p.width = 4;
        p.height = 3;
        p.channels = 1;
        p.samples.assign(12, static_cast<uint16_t>(value));
        EXPECT_EQ(upscaled(p, settings), std::vector<uint16_t>(12 * 25, static_cast<uint16_t>(value)));
      }
    }
  }
}

TEST(Upscale, HiddenColoursDoNotBleed) {
  Picture p;  // opaque red beside invisible green
  p.width = 2;
  p.height = 1;
  p.channels = 4;
  p.samples = {255, 0, 0, 255, 0, 255, 0, 0};
  Settings settings;
  settings.filter = Filter::bilinear;
  const std::vector<uint16_t> y = upscaled(p, settings);
  for (size_t i = 0; i < y.size(); i += 4) {
    EXPECT_EQ(y[i + 1], 0) << "green shines through at pixel " << i / 4;
    EXPECT_EQ(y[i], y[i + 3] > 0 ? 255 : 0);
  }
}

TEST(Upscale, TheProgramDoesItFromFileToFile) {
  const Scratch scratch;
  std::mt19937_64 random(15);
  const Picture p = random_picture(&random, 40, 100, 4, 16);
  tools::PngWriter writer(scratch.path("in.png"), p.width, p.height, p.channels, p.bits, p.colour);
  for (int64_t y = 0; y < p.height; ++y) writer.write_row(p.samples.data() + y * p.width * p.channels);
  writer.finish();
  const Ran ran = run_tconv({"upscale", scratch.path("in.png"), scratch.path("out.png"), "--scale", "3", "--filter", "bicubic",
                             "--threads", "2", "--progress"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("upscale: "), std::string::npos);
  const Picture back = tools::read_png(scratch.path("out.png"));
  EXPECT_EQ(back.width, 120);
  EXPECT_EQ(back.height, 300);
  EXPECT_EQ(back.channels, 4);
  EXPECT_EQ(back.bits, 16);
  Settings settings;
  settings.scale = 3;
  settings.filter = Filter::bicubic;
  EXPECT_EQ(back.samples, upscaled(p, settings));
}

#ifdef TCONV_SCENE_PROGRAM
// The committed picture is what the program beside it renders. Mathematical functions may differ in their last bit between
// machines, which can move a sample across an edge: a few pixels may change, not the picture.
TEST(Upscale, TheDemosPictureIsTheRenderedScene) {
  const Scratch scratch;
  ASSERT_EQ(run_program(TCONV_SCENE_PROGRAM, {scratch.path("scene.png")}).exit_code, 0);
  const Picture rendered = tools::read_png(scratch.path("scene.png"));
  const Picture committed = tools::read_png(TCONV_SCENE_PICTURE);
  ASSERT_EQ(rendered.width, committed.width);
  ASSERT_EQ(rendered.height, committed.height);
  size_t different = 0;
  for (size_t i = 0; i < committed.samples.size(); ++i)
    different += std::abs(rendered.samples[i] - committed.samples[i]) > 2 ? 1 : 0;
  EXPECT_LT(different, committed.samples.size() / 1000);
  EXPECT_LT(read_text(TCONV_SCENE_PICTURE).size(), 200u * 1000u);
}
#endif

}  // namespace
}  // namespace tconv_test
