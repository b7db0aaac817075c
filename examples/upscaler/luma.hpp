// Pictures made smaller, and how near an enlarged one comes to the original.
#pragma once

#include "tools/io/png.hpp"

namespace upscaler {

// Bicubic filtering (Keys' kernel with a = -1/2, widened by the scale so that what the small picture cannot hold is removed): what
// most programs do when they shrink a photograph. Right and bottom are cut to a multiple of the scale first.
tools::Picture shrink(const tools::Picture& picture, int scale);

// Right and bottom cut off.
tools::Picture cut(const tools::Picture& picture, int64_t width, int64_t height);

// Peak signal-to-noise ratio of 0.299 R + 0.587 G + 0.114 B in dB, all pixels. Throws Error(bad_input) when the sizes differ.
double luma_psnr(const tools::Picture& a, const tools::Picture& b);

}  // namespace upscaler
