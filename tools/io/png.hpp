// PNG pictures, 8 and 16 bits a sample, grey, grey + alpha, RGB, RGBA.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace tools {

// What a PNG says about its colours. Copied to the output, so that programs show both pictures alike.
struct PngColour {
  bool has_srgb = false;
  int srgb_intent = 0;
  bool has_gamma = false;
  double gamma = 0;  // of the gAMA chunk: encoded = light ^ gamma
  bool has_chromaticities = false;
  double chromaticities[8] = {};  // white, red, green, blue as x, y
  std::vector<uint8_t> icc_profile;
  std::string icc_name;
};

struct Picture {
  int64_t width = 0;
  int64_t height = 0;
  int channels = 0;               // 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA
  int bits = 8;                   // 8 or 16
  std::vector<uint16_t> samples;  // [height, width, channels], 0 .. 2^bits - 1
  PngColour colour;

  bool has_alpha() const { return channels == 2 || channels == 4; }
};

// Palettes become RGB, fewer than 8 bits become 8, transparent colours become alpha; interlaced files are read too. Throws
// Error(bad_input) naming the file; a size that the file's bytes cannot hold is refused before anything is allocated,
// and so is one whose samples take more than `memory_limit` bytes (2 each).
Picture read_png(const std::string& path, int64_t memory_limit = std::numeric_limits<int64_t>::max());

// Writes a picture row by row, never held as a whole.
class PngWriter {
 public:
  // Throws Error(cannot_write).
  PngWriter(const std::string& path, int64_t width, int64_t height, int channels, int bits, const PngColour& colour);
  ~PngWriter();
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  // `samples`: width * channels values below 2^bits.
  void write_row(const uint16_t* samples);
  // After the last row: the file appears under its name.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tools
