// Between the numbers in a picture and the numbers that are filtered.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/io/png.hpp"

namespace tools::upscale {

// Samples become floats in [0, 1]; colours are multiplied by alpha, so that hidden colours do not bleed into visible ones.
// With `linear_light` colours are decoded first: by the gAMA chunk's power where the file has one without sRGB, else by the sRGB
// curve. Without it the stored (perceptual) numbers are filtered as they are, as most programs do.
class Transfer {
 public:
  Transfer(const Picture& picture, bool linear_light);

  // `pixels` pixels of `channels` samples each.
  void decode(const uint16_t* samples, float* values, int64_t pixels) const;
  // Values are clamped to what the samples can hold; rounded to nearest.
  void encode(const float* values, uint16_t* samples, int64_t pixels) const;

 private:
  double decode_colour(double stored) const;
  double encode_colour(double light) const;

  int channels_;
  bool alpha_;
  bool linear_;
  double power_ = 0;          // of the gAMA chunk; 0: the sRGB curve
  double largest_;            // 2^bits - 1
  std::vector<float> table_;  // decoded value of every sample
};

}  // namespace tools::upscale
