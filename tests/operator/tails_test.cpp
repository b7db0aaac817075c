// Sizes round every tile: channels, widths and heights of 1 to beyond two vectors of the widest target, one at a time.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/sweep.hpp"

namespace tconv_test {
namespace {

class Tails : public OnTarget {
 protected:
  // Both ends of every buffer at a guard page in turn; whole numbers, so equality.
  void run(const tconv::Description& d, Sweep* sweep) {
    Variant variant;
    variant.placement = flip_ ? Placement::begins_at_guard : Placement::ends_at_guard;
    flip_ = !flip_;
    sweep->run(make_problem(d, random_, Data::whole), variant);
  }
  Random random_{3};
  bool flip_ = false;
};

tconv::Description square(int64_t in_channels, int64_t out_channels, int64_t groups, int64_t height, int64_t width, int64_t kernel,
                          int64_t stride, int64_t pad) {
  tconv::Description d;
  d.in_channels = in_channels;
  d.out_channels = out_channels;
  d.groups = groups;
  for (tconv::Axis* axis : {&d.axis[0], &d.axis[1]}) {
    axis->kernel = kernel;
    axis->stride = stride;
    axis->pad_begin = axis->pad_end = pad;
  }
  d.axis[0].input = height;
  d.axis[1].input = width;
  return d;
}

constexpr int64_t largest = 67;  // 4 vectors of 16 floats and a tail

TEST_P(Tails, OutChannels) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t channels = 1; channels <= largest; ++channels) {
    run(square(3, channels, 1, 3, 5, 3, 2, 1), &sweep);
    run(square(2, channels, 1, 2, 3, 2, 2, 0), &sweep);
  }
}

TEST_P(Tails, InChannels) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t channels = 1; channels <= largest; ++channels) run(square(channels, 5, 1, 3, 4, 4, 2, 1), &sweep);
}

TEST_P(Tails, DepthwiseChannels) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t channels = 1; channels <= largest; ++channels) run(square(channels, channels, channels, 4, 5, 4, 2, 1), &sweep);
}

TEST_P(Tails, GroupedChannels) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t channels = 1; channels <= 20; ++channels) {
    run(square(2 * channels, 6, 2, 3, 4, 3, 2, 1), &sweep);
    run(square(6, 2 * channels, 2, 3, 4, 3, 2, 1), &sweep);
  }
}

TEST_P(Tails, Width) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t width = 1; width <= largest; ++width) {
    run(square(2, 3, 1, 2, width, 3, 2, 1), &sweep);
    run(square(3, 2, 1, 2, width, 4, 4, 0), &sweep);
    run(square(2, 2, 2, 2, width, 5, 3, 2), &sweep);
    run(square(2, 3, 1, 2, width, 3, 1, 1), &sweep);
  }
}

// All phases of few channels are sums in registers: every number of them, tap shared by all phases or not, pixels and planes.
TEST_P(Tails, FewChannels) {
  Sweep sweep(GetParam(), "seed 3");
  constexpr tconv::ActivationKind kinds[] = {tconv::ActivationKind::none, tconv::ActivationKind::relu,
                                             tconv::ActivationKind::leaky_relu, tconv::ActivationKind::prelu};
  int64_t round = 0;
  for (int64_t in = 1; in <= 4; ++in) {
    for (int64_t out = 1; out <= 5; ++out) {
      for (int64_t stride = 1; stride <= 4; ++stride) {
        for (int64_t kernel = 1; kernel <= 6; ++kernel, ++round) {
          tconv::Description d =
              square(in, out, 1, 3 + round % 5, 3 + 7 * round % 71, kernel, stride, round % std::min<int64_t>(kernel, 3));
          if (round % 7 == 0) d.axis[1].dilation = 2;
          if (round % 5 == 0) d.axis[1].output_padding = stride - 1;
          d.residual = round % 3 == 0;
          d.activation = {kinds[round % 4], 0.5f, 0, nullptr};
          run(d, &sweep);
        }
      }
    }
  }
}

// Kernel = stride and sums so long that planar runs vectors across the ends of rows.
TEST_P(Tails, RowsThatEndWithinATile) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t width = 1; width <= 35; ++width) {
    for (const tconv::ActivationKind kind : {tconv::ActivationKind::none, tconv::ActivationKind::leaky_relu}) {
      tconv::Description d = square(192, 5, 1, 5, width, 1 + width % 4, 1 + width % 4, 0);
      d.activation.kind = kind;
      d.activation.alpha = 0.5f;
      run(d, &sweep);
    }
  }
}

// Few outputs and rows so narrow that planar makes several of them at once: rows that are cut, cropped, dilated or wider than their
// taps reach, taps of y or none, and all that is applied to inputs and outputs on the way.
TEST_P(Tails, BandsOfNarrowRows) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t width = 1; width <= largest; width += 1 + width / 20) {
    tconv::Description d = square(9, 1 + width % 3, 1, 9 + width % 5, width, 3 + width % 3, 1 + width % 4, 1);
    d.axis[1].pad_end = width % 2;
    run(d, &sweep);
    d.axis[0].kernel = d.axis[0].stride = 1;  // no tap of y
    d.axis[0].pad_begin = d.axis[0].pad_end = 0;
    d.axis[1].kernel = 5;
    run(d, &sweep);
    d.input_activation.kind = tconv::ActivationKind::relu;
    d.activation.kind = tconv::ActivationKind::leaky_relu;
    d.activation.alpha = 0.5f;
    run(d, &sweep);
    d.axis[0].kernel = 3;
    d.axis[0].stride = 2;
    d.axis[1].dilation = 3;
    d.residual = true;
    run(d, &sweep);
  }
}

// Kernel = stride and so many channels that planar copies the input while it makes the first lines: as many as fill the registers,
// and half of them.
TEST_P(Tails, InputCopiedMeanwhile) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t width = 1; width <= largest; width += 3) {
    for (const int64_t stride : {1, 2, 3, 4}) {
      for (const int64_t channels : {7, 14}) {
        tconv::Description d = square(4 + width % 3, channels, 1, 2, width, stride, stride, 0);
        d.axis[0].kernel = d.axis[0].stride = 3;
        d.layout = tconv::Layout::nchw;
        run(d, &sweep);
      }
    }
  }
}

// Kernel = stride with several panels that are whole, narrower or not whole at the end, and more rows than meet them at once, of
// image rows that follow each other or not.
TEST_P(Tails, ManyRowsOfSeveralPanels) {
  Sweep sweep(GetParam(), "seed 3");
  for (const int64_t channels : {8, 16, 17, 20, 24, 32, 37, 64}) {
    for (const int64_t crop : {0, 1}) {
      for (const bool residual : {false, true}) {
        tconv::Description d = square(64 - channels % 3, channels, 1, 5, 42 - channels % 5, 2, 2, crop);
        d.residual = residual;
        d.activation.alpha = 0.5f;
        const bool leaky = (crop != 0) != residual;  // in quick runs each of both with half of the others
        for (const bool leaks : {leaky, !leaky}) {
          d.activation.kind = leaks ? tconv::ActivationKind::leaky_relu : tconv::ActivationKind::relu;
          if (leaks == leaky || effort(0, 1, 1) != 0) run(d, &sweep);
        }
      }
    }
  }
}

// Images of a few rows and columns with enough channels that taps beyond the borders are left out: the columns there are done from
// row to row, those inside in rows that end within a tile.
TEST_P(Tails, ColumnsAtBorders) {
  Sweep sweep(GetParam(), "seed 3");
  for (const int64_t width : {1, 2, 5, 7, 8, 13, 14, 16, 19}) {
    for (const int64_t height : {1, 4, 9}) {
      for (const int64_t kernel : {2, 3, 4, 5}) {
        for (const int64_t stride : {1, 2}) {
          const int64_t pad = (width + height) % 3 == 0 ? (kernel - 1) / 2 : 0;
          if (stride * (std::min(width, height) - 1) + kernel <= 2 * pad) continue;
          tconv::Description d = square(10, width % 2 == 0 ? 32 : 11, 1, height, width, kernel, stride, pad);
          d.residual = kernel == 3;
          if (kernel == 4) d.activation.kind = tconv::ActivationKind::relu;
          if (kernel == 5) d.activation = {tconv::ActivationKind::leaky_relu, 0.5f, 0};
          run(d, &sweep);
        }
      }
    }
  }
}

TEST_P(Tails, Height) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t height = 1; height <= 40; ++height) run(square(3, 5, 1, height, 3, 4, 2, 1), &sweep);
}

TEST_P(Tails, Stride) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t stride = 1; stride <= 20; ++stride) {
    run(square(3, 5, 1, 3, 4, 3, stride, 1), &sweep);
    run(square(6, 6, 6, 3, 4, 2 * stride, stride, stride / 2), &sweep);
  }
}

TEST_P(Tails, Kernel) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t kernel = 1; kernel <= 20; ++kernel) {
    for (int64_t stride : {1, 2, 3}) run(square(2, 3, 1, 3, 5, kernel, stride, kernel / 3), &sweep);
  }
}

// Every crop of a row: the first and last written pixel at every place within a tile.
TEST_P(Tails, PaddingOfEachSide) {
  Sweep sweep(GetParam(), "seed 3");
  for (int64_t begin = 0; begin <= 9; ++begin) {
    for (int64_t end = 0; end <= 9; ++end) {
      tconv::Description d = square(3, 4, 1, 3, 9, 4, 2, 1);
      d.axis[1].pad_begin = begin;
      d.axis[1].pad_end = end;
      run(d, &sweep);
    }
  }
}

TCONV_INSTANTIATE_ON_TARGETS(Tails);

}  // namespace
}  // namespace tconv_test
