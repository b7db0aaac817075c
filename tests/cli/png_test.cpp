// PNG files: what our writer writes is read back by libpng's simplified interface; what libpng writes in its many forms, by us.
#include <gtest/gtest.h>
#include <png.h>

#include <cstdio>
#include <random>

#include "support/scratch.hpp"
#include "tools/io/png.hpp"
#include "tools/support/error.hpp"

namespace tconv_test {
namespace {

std::vector<uint16_t> random_samples(std::mt19937_64* random, size_t count, int bits) {
  std::uniform_int_distribution<int> uniform(0, (1 << bits) - 1);
  std::vector<uint16_t> samples(count);
  for (uint16_t& s : samples) s = static_cast<uint16_t>(uniform(*random));
  return samples;
}

void write(const std::string& path, const tools::Picture& p) {
  tools::PngWriter writer(path, p.width, p.height, p.channels, p.bits, p.colour);
  for (int64_t y = 0; y < p.height; ++y) writer.write_row(p.samples.data() + y * p.width * p.channels);
  writer.finish();
}

TEST(Png, WritesWhatItReads) {
  std::mt19937_64 random(5);
  for (int bits : {8, 16}) {
    for (int channels = 1; channels <= 4; ++channels) {
      for (const auto& [width, height] : {std::pair{1, 1}, std::pair{13, 7}, std::pair{1, 9}, std::pair{300, 2}}) {
        const Scratch scratch;
        tools::Picture p;
        p.width = width;
        p.height = height;
        p.channels = channels;
        p.bits = bits;
        p.samples = random_samples(&random, static_cast<size_t>(width * height * channels), bits);
        p.colour.has_gamma = true;
        p.colour.gamma = 0.5;
        write(scratch.path("p.png"), p);
        const tools::Picture back = tools::read_png(scratch.path("p.png"));
        EXPECT_EQ(back.width, width);
        EXPECT_EQ(back.height, height);
        EXPECT_EQ(back.channels, channels);
        EXPECT_EQ(back.bits, bits);
        EXPECT_EQ(back.samples, p.samples);
        EXPECT_TRUE(back.colour.has_gamma);
        EXPECT_NEAR(back.colour.gamma, 0.5, 1e-5);
        EXPECT_EQ(scratch.names(), std::vector<std::string>{"p.png"});
      }
    }
  }
}

TEST(Png, LibpngReadsWhatIsWritten) {
  const Scratch scratch;
  std::mt19937_64 random(6);
  tools::Picture p;
  p.width = 11;
  p.height = 5;
  p.channels = 4;
  p.samples = random_samples(&random, 11 * 5 * 4, 8);
  p.colour.has_srgb = true;
  write(scratch.path("p.png"), p);
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_file(&image, scratch.path("p.png").c_str()), 0) << image.message;
  image.format = PNG_FORMAT_RGBA;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(image));
  ASSERT_EQ(pixels.size(), p.samples.size());
  ASSERT_NE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr), 0) << image.message;
  for (size_t i = 0; i < pixels.size(); ++i) ASSERT_EQ(pixels[i], p.samples[i]) << i;
}

// Writes with libpng; `rows` are packed as PNG packs them. The file goes away with `scratch`.
void write_raw(const std::string& path, int width, int bits, int colour_type, int interlace, std::vector<std::string> rows,
               void (*extra)(png_structp, png_infop)) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(rows.size()), bits, colour_type, interlace,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  extra(png, info);
  png_write_info(png, info);
  std::vector<png_bytep> pointers;
  for (std::string& row : rows) pointers.push_back(reinterpret_cast<png_bytep>(row.data()));
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

TEST(Png, PalettesBecomeRgbAndTheirTransparencyAlpha) {
  const Scratch scratch;
  write_raw(scratch.path("p.png"), 4, 2, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, {"\x1b"}, [](png_structp png, png_infop info) {
    const png_color palette[] = {{1, 2, 3}, {40, 50, 60}, {100, 110, 120}, {255, 0, 255}};
    png_set_PLTE(png, info, palette, 4);
  });  // 0x1b: indices 0, 1, 2, 3
  tools::Picture p = tools::read_png(scratch.path("p.png"));
  EXPECT_EQ(p.channels, 3);
  EXPECT_EQ(p.samples, (std::vector<uint16_t>{1, 2, 3, 40, 50, 60, 100, 110, 120, 255, 0, 255}));
  write_raw(scratch.path("t.png"), 4, 2, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, {"\x1b"}, [](png_structp png, png_infop info) {
    const png_color palette[] = {{1, 2, 3}, {40, 50, 60}, {100, 110, 120}, {255, 0, 255}};
    png_set_PLTE(png, info, palette, 4);
    const png_byte alpha[] = {0, 128};
    png_set_tRNS(png, info, alpha, 2, nullptr);
  });
  p = tools::read_png(scratch.path("t.png"));
  EXPECT_EQ(p.channels, 4);
  EXPECT_EQ(p.samples, (std::vector<uint16_t>{1, 2, 3, 0, 40, 50, 60, 128, 100, 110, 120, 255, 255, 0, 255, 255}));
}

TEST(Png, FewerBitsBecomeEight) {
  const Scratch scratch;
  write_raw(scratch.path("p.png"), 4, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, {"\xa0", "\x50"}, [](png_structp, png_infop) {});
  const tools::Picture p = tools::read_png(scratch.path("p.png"));
  EXPECT_EQ(p.bits, 8);
  EXPECT_EQ(p.channels, 1);
  EXPECT_EQ(p.samples, (std::vector<uint16_t>{255, 0, 255, 0, 0, 255, 0, 255}));
}

TEST(Png, InterlacedSixteenBits) {
  const Scratch scratch;
  std::vector<std::string> rows;
  std::vector<uint16_t> expected;
  for (int y = 0; y < 9; ++y) {
    std::string row;
    for (int x = 0; x < 9; ++x) {
      const int v = 6553 * x + 17 * y;
      row += static_cast<char>(v >> 8);
      row += static_cast<char>(v & 255);
      expected.push_back(static_cast<uint16_t>(v));
    }
    rows.push_back(row);
  }
  write_raw(scratch.path("p.png"), 9, 16, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_ADAM7, rows, [](png_structp, png_infop) {});
  const tools::Picture p = tools::read_png(scratch.path("p.png"));
  EXPECT_EQ(p.bits, 16);
  EXPECT_EQ(p.samples, expected);
}

TEST(Png, NothingAppearsWithoutFinish) {
  const Scratch scratch;
  {
    tools::PngWriter writer(scratch.path("p.png"), 2, 2, 1, 8, {});
    const uint16_t row[] = {1, 2};
    writer.write_row(row);
  }
  EXPECT_TRUE(scratch.names().empty());
}

}  // namespace
}  // namespace tconv_test
