// Where an element lies in memory: layouts and pitches, computed here independently of the library.
#pragma once

#include <cstdint>

#include "tconv/types.hpp"

namespace tconv_test {

// Elements left free after each level of a tensor, beyond what the dense layout needs.
struct Gaps {
  int64_t pixel = 0;  // nhwc only: channels of a wider tensor
  int64_t row = 0;
  int64_t plane = 0;
  int64_t channel = 0;  // nchw only
  int64_t batch = 0;

  bool none() const { return pixel == 0 && row == 0 && plane == 0 && channel == 0 && batch == 0; }
};

// Distances in elements; all fields filled in.
struct TensorLayout {
  int64_t count[5];     // N, C, D, H, W
  int64_t distance[5];  // the same order
  int64_t span;         // from the first element to one past the last

  int64_t offset(int64_t n, int64_t c, int64_t d, int64_t h, int64_t w) const {
    return n * distance[0] + c * distance[1] + d * distance[2] + h * distance[3] + w * distance[4];
  }
  // f(dense index in N, C, D, H, W order, offset in memory) for every element.
  template <typename Function>
  void each(Function f) const {
    int64_t dense = 0;
    for (int64_t n = 0; n < count[0]; ++n)
      for (int64_t c = 0; c < count[1]; ++c)
        for (int64_t d = 0; d < count[2]; ++d)
          for (int64_t h = 0; h < count[3]; ++h)
            for (int64_t w = 0; w < count[4]; ++w) f(dense++, offset(n, c, d, h, w));
  }
  // The pitches for a description; all zero (= dense) when there are no gaps, so that both spellings are used.
  tconv::Pitch pitch() const;

  bool dense = true;
};

TensorLayout tensor_layout(tconv::Layout layout, int64_t batch, int64_t channels, const int64_t size[3], const Gaps& gaps = {});

}  // namespace tconv_test
