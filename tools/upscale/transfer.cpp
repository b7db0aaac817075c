#include "tools/upscale/transfer.hpp"

#include <algorithm>
#include <cmath>

namespace tools::upscale {
namespace {

// IEC 61966-2-1.
double srgb_decode(double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); }
double srgb_encode(double v) { return v <= 0.0031308 ? v * 12.92 : 1.055 * std::pow(v, 1 / 2.4) - 0.055; }

}  // namespace

Transfer::Transfer(const Picture& picture, bool linear_light)
    : channels_(picture.channels), alpha_(picture.has_alpha()), linear_(linear_light), largest_((1 << picture.bits) - 1) {
  const PngColour& colour = picture.colour;
  if (colour.has_gamma && !colour.has_srgb && colour.gamma > 0) power_ = colour.gamma;
  for (int i = 0; i < 1 << picture.bits; ++i) table_.push_back(static_cast<float>(decode_colour(i / largest_)));
}

double Transfer::decode_colour(double stored) const {
  if (!linear_) return stored;
  return power_ > 0 ? std::pow(stored, 1 / power_) : srgb_decode(stored);
}

double Transfer::encode_colour(double light) const {
  const double clamped = std::clamp(light, 0.0, 1.0);
  if (!linear_) return clamped;
  return power_ > 0 ? std::pow(clamped, power_) : srgb_encode(clamped);
}

void Transfer::decode(const uint16_t* samples, float* values, int64_t pixels) const {
  const int colours = alpha_ ? channels_ - 1 : channels_;
  for (int64_t p = 0; p < pixels; ++p, samples += channels_, values += channels_) {
    const float alpha = alpha_ ? static_cast<float>(samples[colours] / largest_) : 1.0f;
    for (int c = 0; c < colours; ++c) values[c] = table_[samples[c]] * alpha;
    if (alpha_) values[colours] = alpha;
  }
}

void Transfer::encode(const float* values, uint16_t* samples, int64_t pixels) const {
  const int colours = alpha_ ? channels_ - 1 : channels_;
  const auto quantise = [&](double v) { return static_cast<uint16_t>(std::floor(v * largest_ + 0.5)); };
  for (int64_t p = 0; p < pixels; ++p, samples += channels_, values += channels_) {
    const double alpha = alpha_ ? static_cast<double>(values[colours]) : 1.0;
    // Where alpha rounds to nothing there is no colour left to divide out.
    const bool visible = alpha * largest_ >= 0.5;
    for (int c = 0; c < colours; ++c) samples[c] = visible ? quantise(encode_colour(static_cast<double>(values[c]) / alpha)) : 0;
    if (alpha_) samples[colours] = quantise(std::clamp(alpha, 0.0, 1.0));
  }
}

}  // namespace tools::upscale
