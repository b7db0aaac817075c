// `tconv upscale --model` as its users meet it: large pictures in bounded memory, and everything that can be wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "support/model_file.hpp"
#include "support/program.hpp"
#include "support/scratch.hpp"
#include "tools/io/png.hpp"

namespace tconv_test {
namespace {

using tools::Picture;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;  // reserves terabytes of address space, and is slow
#else
constexpr bool sanitized = false;
#endif

// Any sample of a picture too large to be kept: a few waves of different lengths, by integers alone.
uint16_t sample_at(int64_t x, int64_t y) {
  const int64_t ramp = (x / 8 + y / 16) % 160;
  const int64_t texture = (x * x + 3 * y * y) / 64 % 60;
  return static_cast<uint16_t>(20 + ramp + ((x / 37 + y / 23) % 3 == 0 ? texture : 0));
}

void write_picture(const std::string& path, int64_t width, int64_t height, int64_t left = 0, int64_t top = 0, int channels = 1) {
  tools::PngWriter writer(path, width, height, channels, 8, {});
  std::vector<uint16_t> row;
  for (int64_t y = 0; y < height; ++y) {
    row.clear();
    for (int64_t x = 0; x < width; ++x) row.insert(row.end(), static_cast<size_t>(channels), sample_at(left + x, top + y));
    writer.write_row(row.data());
  }
  writer.finish();
}

TEST(LargePicture, TwentyMegapixelsInBoundedMemory) {
  if (sanitized) GTEST_SKIP() << "address space cannot be bounded under a sanitizer";
  constexpr int64_t width = 5472;
  constexpr int64_t height = 3656;
  Scratch scratch;
  write_picture(scratch.path("in.png"), width, height);
  // Read: 20 MB of file bytes at most, 20 MB of rows, 40 MB of samples; written row by row; 80 MB of program, libraries and stacks.
  constexpr uint64_t bound = uint64_t{320} << 20;
  const Ran ran = run_tconv({"upscale", scratch.path("in.png"), scratch.path("out.png"), "--model", "fsrcnn-small", "--threads",
                             "2", "--memory-limit", "160"},
                            bound);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("1247 tiles"), std::string::npos) << ran.out;  // 43 x 29 of 128 x 128
  const Picture out = tools::read_png(scratch.path("out.png"));
  ASSERT_EQ(out.width, 2 * width);
  ASSERT_EQ(out.height, 2 * height);
  // A part of it, enlarged on its own: equal but for a border of the network's reach.
  constexpr int64_t left = 4000, top = 2900, size = 96, border = 8;
  write_picture(scratch.path("part.png"), size, size, left, top);
  ASSERT_EQ(run_tconv({"upscale", scratch.path("part.png"), scratch.path("part_x2.png"), "--model", "fsrcnn-small"}).exit_code, 0);
  const Picture part = tools::read_png(scratch.path("part_x2.png"));
  for (int64_t y = 2 * border; y < 2 * (size - border); ++y) {
    for (int64_t x = 2 * border; x < 2 * (size - border); ++x) {
      ASSERT_EQ(out.samples[static_cast<size_t>((2 * top + y) * out.width + 2 * left + x)],
                part.samples[static_cast<size_t>(y * part.width + x)])
          << x << ", " << y;
    }
  }
}

TEST(LargePicture, ProgressIsShown) {
  Scratch scratch;
  write_picture(scratch.path("in.png"), 700, 500);
  const Ran ran = run_tconv(
      {"upscale", scratch.path("in.png"), scratch.path("out.png"), "--model", "fsrcnn-small", "--tile", "32", "--progress"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("100 %"), std::string::npos) << ran.err;
}

class BadInput : public testing::Test {
 protected:
  BadInput() { write_picture(scratch.path("in.png"), 40, 30); }

  // The exit code, one line with all of `parts`, and nothing written.
  void expect(const std::vector<std::string>& options, int code, const std::vector<std::string>& parts) {
    std::vector<std::string> arguments{"upscale", scratch.path("in.png"), scratch.path("out.png")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Names before = scratch.names();
    const Ran ran = run_tconv(arguments);
    SCOPED_TRACE(testing::PrintToString(options));
    EXPECT_EQ(ran.exit_code, code) << ran.err << ran.out;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    for (const std::string& part : parts) EXPECT_NE(ran.err.find(part), std::string::npos) << "no '" << part << "' in " << ran.err;
    EXPECT_EQ(scratch.names(), before);
  }

  // A chain of `nodes` made by the caller, from x to y.
  std::string model(const ModelFile& file) { return scratch.file("model.onnx", file.bytes()); }

  // x [1, channels, h, w] -> a transposed convolution with kernel = stride = scale.
  static ModelFile enlarger(int64_t channels, int64_t scale) {
    ModelFile file;
    set(file.node("ConvTranspose", {"x", "w"}, {"y"}), "strides", Dims{scale, scale});
    file.input("x", {1, channels, -1, -1});
    file.initializer("w", {channels, 1, scale, scale}, std::vector<float>(static_cast<size_t>(channels * scale * scale), 1.0f));
    file.output("y");
    return file;
  }

  Scratch scratch;
};

TEST_F(BadInput, ScalesThatTheNetworkHasNot) {
  expect({"--model", "fsrcnn", "--scale", "8"}, 3, {"--scale 8", "fsrcnn", "2"});
  expect({"--model", model(enlarger(1, 3)), "--scale", "2"}, 3, {"model.onnx", "1x1x48x48", "2"});
}

TEST_F(BadInput, UnknownNetworks) {
  expect({"--model", "edsr"}, 3, {"edsr", "fsrcnn"});
  expect({"--model", scratch.path("absent.onnx")}, 3, {"absent.onnx"});
  expect({"--model", scratch.path("in.png")}, 3, {"in.png", "ONNX"});
}

TEST_F(BadInput, ModelsThatDoNotEnlargeLuma) {
  expect({"--model", model(enlarger(3, 2))}, 3, {"model.onnx", "'x'", "3 channels"});

  ModelFile pool = enlarger(1, 2);
  pool.node("MaxPool", {"y"}, {"z"});
  pool.model.mutable_graph()->clear_output();
  pool.output("z");
  expect({"--model", model(pool)}, 3, {"model.onnx", "MaxPool", "not supported"});

  ModelFile two = enlarger(1, 2);
  two.input("x2", {1, 1, -1, -1});
  expect({"--model", model(two)}, 3, {"2 inputs"});

  ModelFile flat;
  flat.node("Relu", {"x"}, {"y"});
  flat.input("x", {-1, -1});
  flat.output("y");
  expect({"--model", model(flat)}, 3, {"2 dimensions"});

  ModelFile fixed = enlarger(1, 2);
  fixed.model.mutable_graph()->mutable_input(0)->Clear();
  fixed.model.mutable_graph()->mutable_input()->RemoveLast();
  fixed.input("x", {1, 1, 224, 224});
  expect({"--model", model(fixed)}, 3, {"dimension 2 is 224"});
}

TEST_F(BadInput, PicturesThatDoNotFitInTheMemoryLimit) {
  write_picture(scratch.path("in.png"), 1200, 700);
  expect({"--model", "fsrcnn", "--memory-limit", "1"}, 3, {"1200 x 700", "memory limit"});
  expect({"--model", "fsrcnn", "--memory-limit", "4"}, 3, {"1200 x 700", "--memory-limit", "--tile"});
  // A tile that is too large for what is left.
  expect({"--model", "fsrcnn", "--memory-limit", "40", "--tile", "700"}, 3, {"--memory-limit"});
}

TEST_F(BadInput, OptionsThatExcludeEachOther) {
  expect({"--model", "fsrcnn", "--linear-light"}, 2, {"--linear-light", "--model"});
  expect({"--model", "fsrcnn", "--filter", "bicubic"}, 2, {"--model"});
  expect({"--model", "fsrcnn", "--tile", "0"}, 2, {"--tile"});
  expect({"--model", "fsrcnn", "--threads", "0"}, 2, {"--threads"});
}

}  // namespace
}  // namespace tconv_test
