// Groups of one channel, or few, by the algorithm made for them: each form of its kernels, at borders and inside, with every
// remainder of channels, and planes in one strip and block or many.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/sweep.hpp"

namespace tconv_test {
namespace {

constexpr tconv::CacheSizes small_caches = {2048, 8192, 16384};

class Depthwise : public OnTarget {
 protected:
  void run(const tconv::Description& d, Sweep* sweep) {
    const Problem problem = make_problem(d, random_, Data::whole);
    for (tconv::Layout layout : all_layouts) {
      for (bool small : {false, true}) {
        Variant variant;
        variant.layout = layout;
        variant.algorithm = tconv::Algorithm::depthwise;
        variant.placement = small ? Placement::begins_at_guard : Placement::ends_at_guard;
        if (small) variant.cache = small_caches;
        variant.residual_in_place = d.residual && small;
        sweep->run_one(problem, variant);
        ++wanted_;
      }
    }
  }
  void require_all(const Sweep& sweep) const { EXPECT_EQ(sweep.ran(tconv::Algorithm::depthwise), wanted_); }

  Random random_{17};
  int64_t wanted_ = 0;
};

tconv::Description layer(int64_t channels, int64_t height, int64_t width, int64_t kernel, int64_t stride, int64_t pad) {
  tconv::Description d;
  d.in_channels = d.out_channels = d.groups = channels;
  for (tconv::Axis* axis : {&d.axis[0], &d.axis[1]}) {
    axis->kernel = kernel;
    axis->stride = stride;
    axis->pad_begin = axis->pad_end = pad;
  }
  d.axis[0].input = height;
  d.axis[1].input = width;
  return d;
}

// One to five taps of two phases, either of which comes first, in rows that are all border, and in rows that have an inside.
TEST_P(Depthwise, TwoPhases) {
  Sweep sweep(GetParam(), "seed 17");
  for (int64_t kernel = 1; kernel <= 6; ++kernel) {
    for (int64_t pad = 0; pad < kernel; ++pad) {
      for (int64_t width : {1, 2, 4, 5, 13}) {
        for (int64_t output_padding : {0, 1}) {
          tconv::Description d = layer(35, 3, width, kernel, 2, pad);
          d.axis[1].output_padding = output_padding;
          if (2 * (width - 1) + kernel - 2 * pad + output_padding < 1 || 4 + kernel - 2 * pad < 1) continue;
          run(d, &sweep);
        }
      }
    }
  }
  require_all(sweep);
}

// Stride 1: eight outputs go by together, fewer at both ends of a row.
TEST_P(Depthwise, OnePhase) {
  Sweep sweep(GetParam(), "seed 17");
  for (int64_t kernel = 1; kernel <= 6; ++kernel) {
    for (int64_t pad = 0; pad < kernel; ++pad) {
      for (int64_t width : {1, 3, 7, 8, 10, 19}) {
        if (std::min<int64_t>(3, width) + kernel - 1 - 2 * pad >= 1) run(layer(21, 3, width, kernel, 1, pad), &sweep);
      }
    }
  }
  require_all(sweep);
}

TEST_P(Depthwise, OtherPhases) {
  Sweep sweep(GetParam(), "seed 17");
  for (int64_t stride : {1, 3, 4, 5}) {
    for (int64_t kernel : {1, 2, 3, 5, 8}) {
      for (int64_t dilation : {1, 2, 3}) {
        for (int64_t width : {1, 3, 11}) {
          tconv::Description d = layer(19, 4, width, kernel, stride, 0);
          d.axis[0].dilation = d.axis[1].dilation = dilation;
          run(d, &sweep);
        }
      }
    }
  }
  for (int64_t stride : {3, 4, 6, 9}) {  // runs of one to five phases that go by together, cut by both ends of a row
    for (int64_t kernel : {stride - 1, stride, stride + 1, 2 * stride + 2, 3 * stride - 1}) {
      for (int64_t pad : {int64_t{1}, (kernel - 1) / 2, kernel - 2}) {
        for (int64_t width : {2, 5, 12}) {
          tconv::Description d = layer(35, 3, width, kernel, stride, pad);
          d.axis[1].output_padding = width == 5 ? stride - 1 : 0;
          if (2 * stride + kernel - 2 * pad < 1 || stride * (width - 1) + kernel - 2 * pad < 1) continue;
          d.residual = width == 12;
          run(d, &sweep);
        }
      }
    }
  }
  for (int64_t pad : {0, 1}) {  // rows of two outputs at a larger stride
    for (int64_t dilation : {1, 2, 4}) {
      tconv::Description d = layer(19, 2, 1, 2, 4, 0);
      d.axis[1].dilation = dilation;
      d.axis[1].pad_begin = pad;
      run(d, &sweep);
    }
  }
  for (int64_t kernel : {2, 3, 4}) {  // stride 2, but not neighbouring taps
    for (int64_t dilation : {2, 3}) {
      tconv::Description d = layer(19, 4, 9, kernel, 2, 1);
      d.axis[0].dilation = d.axis[1].dilation = dilation;
      run(d, &sweep);
    }
  }
  require_all(sweep);
}

// Vectors, pairs of them and what remains; strips of planes.
TEST_P(Depthwise, Channels) {
  Sweep sweep(GetParam(), "seed 17");
  for (int64_t kernel : {2, 4, 5}) {
    for (int64_t channels = 1; channels <= 100; channels += channels < 36 ? 1 : 7) run(layer(channels, 5, 9, kernel, 2, 1), &sweep);
  }
  require_all(sweep);
}

TEST_P(Depthwise, ActivationsAndResiduals) {
  Sweep sweep(GetParam(), "seed 17");
  using Kind = tconv::ActivationKind;
  for (Kind kind : {Kind::none, Kind::relu, Kind::clamp, Kind::leaky_relu, Kind::prelu, Kind::tanh}) {
    for (bool residual : {false, true}) {
      for (int64_t kernel : {1, 2, 3, 4, 5}) {
        for (int64_t stride : {1, 2, 3}) {
          tconv::Description d = layer(41, 6, 14, kernel, stride, 0);
          d.activation = {kind, kind == Kind::leaky_relu ? 0.25f : -2.0f, 3.0f};
          d.residual = residual;
          const Data data = kind == Kind::tanh ? Data::real : Data::whole;
          const Problem problem = make_problem(d, random_, data);
          for (tconv::Layout layout : all_layouts) {
            Variant variant;
            variant.layout = layout;
            variant.algorithm = tconv::Algorithm::depthwise;
            variant.cache = small_caches;
            variant.output_gaps.channel = layout == tconv::Layout::nchw ? 3 : 0;
            variant.output_gaps.row = 5;
            variant.input_gaps.row = residual ? 2 : 0;
            sweep.run_one(problem, variant);
            ++wanted_;
          }
        }
      }
    }
  }
  require_all(sweep);
}

// Several outputs of each input: pixels, and planes where the two phases of x or one are made together.
TEST_P(Depthwise, SeveralOutputsOfAChannel) {
  Sweep sweep(GetParam(), "seed 17");
  for (int64_t times : {2, 3, 4}) {
    for (int64_t channels : {1, 7, 40}) {
      for (int64_t stride : {1, 2, 3}) {
        tconv::Description d = layer(channels, 6, 5, 4, stride, 1);
        d.out_channels = times * channels;
        const Problem problem = make_problem(d, random_, Data::whole);
        for (tconv::Layout layout : all_layouts) {
          if (layout == tconv::Layout::nchw && stride == 3) continue;
          for (bool small : {false, true}) {
            for (size_t threads : {1, 3}) {
              Variant variant;
              variant.layout = layout;
              variant.algorithm = tconv::Algorithm::depthwise;
              if (small) variant.cache = small_caches;
              variant.input_gaps.pixel = small && layout == tconv::Layout::nhwc ? 3 : 0;
              variant.parallelism.threads = threads;
              sweep.run_one(problem, variant);
              ++wanted_;
            }
          }
        }
      }
    }
  }
  require_all(sweep);
}

// Several inputs of each output: pixels whose inputs a load or two of a vector hold, or that lie further apart; chunks of channels;
// borders in which taps are left out; planes.
TEST_P(Depthwise, SeveralInputsOfAGroup) {
  Sweep sweep(GetParam(), "seed 17");
  for (int64_t inputs : {2, 3, 5, 8}) {
    for (int64_t outputs : {1, 2, 3, 8}) {
      for (int64_t groups : {2, 5, 13}) {
        for (int64_t stride : {1, 2, 3}) {
          for (int64_t kernel : {1, 3, 4}) {
            tconv::Description d = layer(groups, 4, kernel == 3 ? 11 : 5, kernel, stride, kernel / 2);
            if (kernel == 1) d.axis[0].pad_begin = d.axis[0].pad_end = d.axis[1].pad_begin = d.axis[1].pad_end = 0;
            d.in_channels = groups * inputs;
            d.out_channels = groups * outputs;
            d.residual = kernel == 4;
            if (kernel == 3) d.activation.kind = tconv::ActivationKind::prelu;
            const Problem problem = make_problem(d, random_, Data::whole);
            for (tconv::Layout layout : all_layouts) {
              if (layout == tconv::Layout::nchw && stride == 3) continue;
              Variant variant;
              variant.layout = layout;
              variant.algorithm = tconv::Algorithm::depthwise;
              variant.placement = stride == 1 ? Placement::begins_at_guard : Placement::ends_at_guard;
              if (groups != 5) variant.cache = small_caches;
              variant.input_gaps.pixel = groups == 2 && layout == tconv::Layout::nhwc ? 3 : 0;
              variant.parallelism.threads = groups == 13 ? 3 : 1;
              sweep.run_one(problem, variant);
              ++wanted_;
            }
          }
        }
      }
    }
  }
  tconv::Description d;  // three axes, more taps of z and y than the stack holds
  d.rank = 3;
  d.groups = 3;
  d.in_channels = 12;
  d.out_channels = 9;
  for (tconv::Axis& axis : d.axis) {
    axis.input = 4;
    axis.kernel = 5;
    axis.pad_begin = 1;
  }
  run(d, &sweep);
  require_all(sweep);
}

// Planes: rows beside each other or vectors of one row as units, every end of a row, one, two and four phases; blocks of rows.
TEST_P(Depthwise, Planes) {
  Sweep sweep(GetParam(), "seed 17");
  for (int64_t stride : {1, 2, 4}) {
    for (int64_t kernel : {1, 3, 7, 8}) {
      for (int64_t height : {1, 2, 5, 9}) {
        for (int64_t width : {1, 2, 7, 8, 9, 31, 33, 70}) run(layer(3, height, width, kernel, stride, (kernel - 1) / 2), &sweep);
      }
    }
  }
  for (int64_t stride : {1, 2, 4}) {  // the taps of a phase lie apart, in all axes
    tconv::Description d;
    d.rank = 3;
    d.in_channels = d.out_channels = d.groups = 5;
    for (tconv::Axis& axis : d.axis) {
      axis.input = 6;
      axis.kernel = 3;
      axis.stride = stride;
      axis.dilation = 3;
      axis.pad_begin = 4;
    }
    run(d, &sweep);
  }
  require_all(sweep);
}

// Two phases that share their inputs, either of which comes first: four rows of a phase and what is left of them, with and without
// what is done to their sums. With one tap one of them is f(bias).
TEST_P(Depthwise, PairsInPlanes) {
  Sweep sweep(GetParam(), "seed 17");
  for (int64_t kernel : {1, 3, 4, 5}) {
    for (int64_t pad = 0; pad < std::max<int64_t>(kernel, 2); ++pad) {
      for (int64_t height : {4, 6, 9, 15}) {
        for (int64_t width : {5, 8, 19, 32, 35}) {
          tconv::Description d = layer(3, height, width, kernel, 2, pad);
          d.axis[1].output_padding = width % 2;
          run(d, &sweep);
          if (height != 9) continue;
          d.residual = width % 3 == 2;
          d.activation.kind = width < 20 ? tconv::ActivationKind::relu : tconv::ActivationKind::hard_swish;
          run(d, &sweep);
        }
      }
    }
  }
  require_all(sweep);
}

// More taps of z and y than the stack holds, and planes whose z taps lie apart.
TEST_P(Depthwise, ThreeAxes) {
  Sweep sweep(GetParam(), "seed 17");
  for (int64_t dilation : {1, 2}) {
    tconv::Description d;
    d.rank = 3;
    d.in_channels = d.out_channels = d.groups = 37;
    for (tconv::Axis& axis : d.axis) {
      axis.input = 7;
      axis.kernel = 7;
      axis.dilation = dilation;
    }
    run(d, &sweep);
  }
  require_all(sweep);
}

TCONV_INSTANTIATE_ON_TARGETS(Depthwise);

}  // namespace
}  // namespace tconv_test
