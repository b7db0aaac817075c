// libpng reports errors by longjmp. Every function that libpng can jump out of has no object with a destructor between its
// setjmp and the jump; what it needs lives in a Reader that outlives it.
#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "tools/io/file.hpp"
#include "tools/io/png.hpp"
#include "tools/support/error.hpp"

namespace tools {
namespace {

struct Reader {
  const std::vector<uint8_t>* bytes = nullptr;
  size_t at = 0;
  png_structp png = nullptr;
  png_infop info = nullptr;
  char message[200] = {};
  Picture picture;
  std::vector<uint8_t> data;
  std::vector<png_bytep> rows;
  std::string why;  // our own reason to refuse

  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void on_error(png_structp png, png_const_charp text) {
  auto* reader = static_cast<Reader*>(png_get_error_ptr(png));
  std::strncpy(reader->message, text, sizeof reader->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, size_t size) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (size > reader->bytes->size() - reader->at) png_error(png, "truncated");
  std::memcpy(to, reader->bytes->data() + reader->at, size);
  reader->at += size;
}

void read_colour(const Reader& reader, PngColour* colour) {
  int intent = 0;
  if (png_get_sRGB(reader.png, reader.info, &intent) != 0) {
    colour->has_srgb = true;
    colour->srgb_intent = intent;
  }
  colour->has_gamma = png_get_gAMA(reader.png, reader.info, &colour->gamma) != 0;
  double* c = colour->chromaticities;
  colour->has_chromaticities = png_get_cHRM(reader.png, reader.info, c, c + 1, c + 2, c + 3, c + 4, c + 5, c + 6, c + 7) != 0;
  png_charp name = nullptr;
  png_bytep profile = nullptr;
  png_uint_32 size = 0;
  int compression = 0;
  if (png_get_iCCP(reader.png, reader.info, &name, &compression, &profile, &size) != 0) {
    colour->icc_name = name;
    colour->icc_profile.assign(profile, profile + size);
  }
}

bool read_header(Reader* reader) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_read_info(reader->png, reader->info);
  return true;
}

bool apply_transforms(Reader* reader) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_set_expand(reader->png);  // palettes, fewer than 8 bits, transparent colours
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  png_set_swap(reader->png);
#endif
  png_set_interlace_handling(reader->png);
  png_read_update_info(reader->png, reader->info);
  return true;
}

bool read_pixels(Reader* reader) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_read_image(reader->png, reader->rows.data());
  png_read_end(reader->png, nullptr);
  return true;
}

// deflate shrinks by at most about 1032 : 1, so the file's size bounds the picture's.
bool fits_in_file(const Reader& reader, uint64_t row_bytes, uint64_t height) {
  return row_bytes <= 1040 * (static_cast<uint64_t>(reader.bytes->size()) + 64) / height;
}

}  // namespace

Picture read_png(const std::string& path, int64_t memory_limit) {
  const std::vector<uint8_t> bytes = read_file(path);
  const auto fail = [&](const std::string& why) { throw Error(ExitCode::bad_input, fmt::format("{}: {}", path, why)); };
  if (bytes.size() < 8 || png_sig_cmp(bytes.data(), 0, 8) != 0) fail("not a PNG file");
  Reader reader;
  reader.bytes = &bytes;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) fail("out of memory");
  png_set_read_fn(reader.png, &reader, on_read);
  const auto broken = [&] { fail(fmt::format("broken PNG: {}", reader.message)); };
  if (!read_header(&reader)) broken();
  Picture& picture = reader.picture;
  picture.width = png_get_image_width(reader.png, reader.info);
  picture.height = png_get_image_height(reader.png, reader.info);
  const uint64_t stored_row = png_get_rowbytes(reader.png, reader.info);
  if (!fits_in_file(reader, stored_row, static_cast<uint64_t>(picture.height))) {
    fail(fmt::format("broken PNG: claims {} x {} pixels, more than its {} bytes can hold", picture.width, picture.height,
                     bytes.size()));
  }
  if (!apply_transforms(&reader)) broken();
  picture.bits = png_get_bit_depth(reader.png, reader.info);
  picture.channels = png_get_channels(reader.png, reader.info);
  if (picture.height > memory_limit / 2 / picture.channels / picture.width) {
    fail(fmt::format("{} x {} pixels of {} samples: more than the memory limit of {} bytes", picture.width, picture.height,
                     picture.channels, memory_limit));
  }
  read_colour(reader, &picture.colour);

  const size_t row_bytes = png_get_rowbytes(reader.png, reader.info);
  reader.data.resize(row_bytes * static_cast<size_t>(picture.height));
  for (int64_t y = 0; y < picture.height; ++y) reader.rows.push_back(reader.data.data() + static_cast<size_t>(y) * row_bytes);
  if (!read_pixels(&reader)) broken();
  const size_t samples = static_cast<size_t>(picture.width * picture.height) * static_cast<size_t>(picture.channels);
  picture.samples.resize(samples);
  if (picture.bits == 16) {
    std::memcpy(picture.samples.data(), reader.data.data(), samples * sizeof(uint16_t));
  } else {
    for (size_t i = 0; i < samples; ++i) picture.samples[i] = reader.data[i];
  }
  return std::move(picture);
}

}  // namespace tools
