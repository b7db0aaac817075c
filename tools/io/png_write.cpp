// As in png_read.cpp: libpng jumps, so the functions it can jump out of own nothing.
#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "tools/io/file.hpp"
#include "tools/io/png.hpp"
#include "tools/support/error.hpp"

namespace tools {

struct PngWriter::State {
  explicit State(const std::string& name) : path(name), file(name) {}
  ~State() { png_destroy_write_struct(&png, &info); }

  [[noreturn]] void fail() const { throw Error(ExitCode::cannot_write, fmt::format("{}: cannot write: {}", path, message)); }

  std::string path;
  OutputFile file;
  png_structp png = nullptr;
  png_infop info = nullptr;
  int64_t width = 0;
  int channels = 0;
  int bits = 8;
  std::vector<uint8_t> row;
  char message[200] = "out of memory";
};

namespace {

void on_error(png_structp png, png_const_charp text) {
  std::strncpy(static_cast<char*>(png_get_error_ptr(png)), text, 199);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_write(png_structp png, png_bytep data, size_t size) {
  if (std::fwrite(data, 1, size, static_cast<std::FILE*>(png_get_io_ptr(png))) != size) png_error(png, "write error (disk full?)");
}

void on_flush(png_structp) {}

int colour_type(int channels) {
  constexpr int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  return types[channels];
}

bool write_header(png_structp png, png_infop info, int64_t width, int64_t height, int channels, int bits, const PngColour& colour) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), bits, colour_type(channels),
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!colour.icc_profile.empty()) {
    png_set_iCCP(png, info, colour.icc_name.c_str(), PNG_COMPRESSION_TYPE_BASE, colour.icc_profile.data(),
                 static_cast<png_uint_32>(colour.icc_profile.size()));
  } else if (colour.has_srgb) {
    png_set_sRGB(png, info, colour.srgb_intent);
  }
  if (colour.has_gamma) png_set_gAMA(png, info, colour.gamma);
  const double* c = colour.chromaticities;
  if (colour.has_chromaticities) png_set_cHRM(png, info, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]);
  png_write_info(png, info);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (bits == 16) png_set_swap(png);
#endif
  return true;
}

bool write_bytes(png_structp png, const uint8_t* row) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_write_row(png, row);
  return true;
}

bool write_end(png_structp png) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_write_end(png, nullptr);
  return true;
}

}  // namespace

PngWriter::PngWriter(const std::string& path, int64_t width, int64_t height, int channels, int bits, const PngColour& colour)
    : state_(std::make_unique<State>(path)) {
  State& s = *state_;
  s.width = width;
  s.channels = channels;
  s.bits = bits;
  s.row.resize(static_cast<size_t>(width) * static_cast<size_t>(channels) * static_cast<size_t>(bits / 8));
  s.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, s.message, on_error, on_warning);
  if (s.png != nullptr) s.info = png_create_info_struct(s.png);
  if (s.info == nullptr) s.fail();
  png_set_write_fn(s.png, s.file.stream(), on_write, on_flush);
  if (!write_header(s.png, s.info, width, height, channels, bits, colour)) s.fail();
}

PngWriter::~PngWriter() = default;

void PngWriter::write_row(const uint16_t* samples) {
  State& s = *state_;
  const size_t count = static_cast<size_t>(s.width) * static_cast<size_t>(s.channels);
  if (s.bits == 16) {
    std::memcpy(s.row.data(), samples, count * sizeof(uint16_t));
  } else {
    for (size_t i = 0; i < count; ++i) s.row[i] = static_cast<uint8_t>(samples[i]);
  }
  if (!write_bytes(s.png, s.row.data())) s.fail();
}

void PngWriter::finish() {
  if (!write_end(state_->png)) state_->fail();
  state_->file.commit();
}

}  // namespace tools
