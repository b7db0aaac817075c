// Peer: matrix multiplication and col2im, the classical lowering: columns = weights^T * image (one GEMM an image and group), then
// every column element is added to its place in the output. Both layouts are written out; the quicker one is kept.
//   NCHW: columns[Cout / groups * taps][pixels] = W[Cin / groups][Cout / groups * taps]^T * x[Cin / groups][pixels]
//   NHWC: columns[pixels][taps * Cout / groups] = x[pixels][Cin / groups] * W'[Cin / groups][taps * Cout / groups]
#include <cblas.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "bench/contestant.hpp"
#include "bench/thread_pool.hpp"

// The additions deserve wide vectors too; the rest of this file is the GEMM's business.
#if defined(__x86_64__) && defined(__GNUC__)
#define TCONV_BENCH_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define TCONV_BENCH_CLONES
#endif

namespace tconv::bench {
namespace {

TCONV_BENCH_CLONES void add_strided(float* __restrict to, const float* __restrict from, int64_t count, int64_t stride) {
  if (stride == 1) {
    for (int64_t i = 0; i < count; ++i) to[i] += from[i];
  } else if (stride == 2) {
    for (int64_t i = 0; i < count; ++i) to[2 * i] += from[i];
  } else {
    for (int64_t i = 0; i < count; ++i) to[i * stride] += from[i];
  }
}

// Inputs i of [0, input) whose output s * i + offset falls into [0, output).
struct Range {
  int64_t begin, end;
};
Range inputs_inside(const Axis& axis, int64_t output, int64_t offset) {
  const int64_t begin = offset >= 0 ? 0 : (-offset + axis.stride - 1) / axis.stride;
  const int64_t end = output - 1 - offset < 0 ? 0 : std::min(axis.input, (output - 1 - offset) / axis.stride + 1);
  return {begin, std::max(begin, end)};
}

class GemmCol2im : public Contestant {
 public:
  GemmCol2im(const Case& c, Layout layout, const Parallelism& parallelism) : case_(c), layout_(layout), parallelism_(parallelism) {
    const Description& d = c.layer.description;
    rows_ = c.channels_per_group_out() * c.geometry.taps;
    columns_ = Buffer(rows_ * c.input_pixels);
    output_ = Buffer(c.geometry.output_elements);
    if (layout == Layout::nchw) return;
    const int64_t ci = d.in_channels, co = c.channels_per_group_out(), taps = c.geometry.taps;
    weights_ = Buffer(c.geometry.weight_elements);
    for (int64_t i = 0; i < ci; ++i) {
      for (int64_t o = 0; o < co; ++o) {
        for (int64_t t = 0; t < taps; ++t) weights_.data()[(i * taps + t) * co + o] = c.weights.data()[(i * co + o) * taps + t];
      }
    }
  }
  void run() override {
    const Description& d = case_.layer.description;
    const int64_t ci = case_.channels_per_group_in();
    const int pixels = static_cast<int>(case_.input_pixels), rows = static_cast<int>(rows_), depth = static_cast<int>(ci);
    start_with_bias();
    for (int64_t n = 0; n < d.batch; ++n) {
      for (int64_t g = 0; g < d.groups; ++g) {
        if (layout_ == Layout::nchw) {
          cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, rows, pixels, depth, 1.0f, case_.weights.data() + g * ci * rows_,
                      rows, case_.input_nchw.data() + (n * d.in_channels + g * ci) * case_.input_pixels, pixels, 0.0f,
                      columns_.data(), pixels);
          scatter(n, g);
        } else {
          cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, pixels, rows, depth, 1.0f,
                      case_.input_nhwc.data() + n * case_.input_pixels * d.in_channels + g * ci, static_cast<int>(d.in_channels),
                      weights_.data() + g * ci * rows_, rows, 0.0f, columns_.data(), rows);
          scatter(n, g);
        }
      }
    }
  }
  void fill_output(float value) override { output_.fill(value); }
  const float* output(Layout* layout) override {
    *layout = layout_;
    return output_.data();
  }
  std::string layout() const override { return layout_ == Layout::nchw ? "nchw" : "nhwc"; }
  std::string detail() const override { return std::string("sgemm ") + openblas_get_corename() + ", col2im"; }
  double packed_bytes() const override { return 4.0 * static_cast<double>(case_.geometry.weight_elements); }
  double workspace_bytes() const override { return 4.0 * static_cast<double>(columns_.size()); }

 private:
  void start_with_bias() {
    const int64_t channels = case_.layer.description.out_channels;
    const float* bias = case_.bias.data();
    float* y = output_.data();
    if (!case_.layer.bias) {
      output_.fill(0);
    } else if (layout_ == Layout::nchw) {
      for (int64_t plane = 0; plane < case_.layer.description.batch * channels; ++plane, y += case_.output_pixels) {
        std::fill(y, y + case_.output_pixels, bias[plane % channels]);
      }
    } else {
      for (int64_t p = 0; p < case_.layer.description.batch * case_.output_pixels; ++p, y += channels) {
        std::memcpy(y, bias, static_cast<size_t>(channels) * sizeof(float));
      }
    }
  }
  // On each thread those that fall into its share of the output's rows.
  void scatter(int64_t image, int64_t group) {
    image_ = image;
    group_ = group;
    if (parallelism_.parallel_for == nullptr) return scatter_share(0, 1);
    parallelism_.parallel_for(
        parallelism_.context, parallelism_.threads,
        [](void* argument, size_t i) {
          auto* self = static_cast<GemmCol2im*>(argument);
          self->scatter_share(static_cast<int64_t>(i), static_cast<int64_t>(self->parallelism_.threads));
        },
        this);
  }
  void scatter_share(int64_t share, int64_t shares) {
    const int64_t rows = case_.geometry.output[0] * case_.geometry.output[1];
    const int64_t begin = rows * share / shares, end = rows * (share + 1) / shares;
    layout_ == Layout::nchw ? scatter_nchw(image_, group_, begin, end) : scatter_nhwc(image_, group_, begin, end);
  }
  // Calls row(kernel tap, input pixel, output pixel, count) for every (tap, input row) that meets output rows [begin, end).
  template <typename Row>
  void for_rows(int64_t begin, int64_t end, Row row) {
    const Geometry& g = case_.geometry;
    const Axis* a = g.axis;
    for (int64_t t = 0; t < g.taps; ++t) {
      const int64_t tap[3] = {t / (a[1].kernel * a[2].kernel), t / a[2].kernel % a[1].kernel, t % a[2].kernel};
      int64_t offset[3];
      Range range[3];
      for (int i = 0; i < 3; ++i) {
        offset[i] = a[i].dilation * tap[i] - a[i].pad_begin;
        range[i] = inputs_inside(a[i], g.output[i], offset[i]);
      }
      for (int64_t z = range[0].begin; z < range[0].end; ++z) {
        for (int64_t y = range[1].begin; y < range[1].end; ++y) {
          const int64_t in = (z * a[1].input + y) * a[2].input;
          const int64_t out_row = (z * a[0].stride + offset[0]) * g.output[1] + y * a[1].stride + offset[1];
          if (out_row < begin || out_row >= end) continue;
          const int64_t out = out_row * g.output[2] + offset[2];
          row(t, in + range[2].begin, out + range[2].begin * a[2].stride, range[2].end - range[2].begin);
        }
      }
    }
  }
  void scatter_nchw(int64_t image, int64_t group, int64_t begin, int64_t end) {
    const int64_t channels = case_.layer.description.out_channels, co = case_.channels_per_group_out();
    const int64_t taps = case_.geometry.taps, stride = case_.geometry.axis[2].stride;
    for (int64_t o = 0; o < co; ++o) {
      float* y = output_.data() + (image * channels + group * co + o) * case_.output_pixels;
      const float* columns = columns_.data() + o * taps * case_.input_pixels;
      for_rows(begin, end, [&](int64_t t, int64_t in, int64_t out, int64_t count) {
        add_strided(y + out, columns + t * case_.input_pixels + in, count, stride);
      });
    }
  }
  void scatter_nhwc(int64_t image, int64_t group, int64_t begin, int64_t end) {
    const int64_t channels = case_.layer.description.out_channels, co = case_.channels_per_group_out();
    const int64_t stride = case_.geometry.axis[2].stride;
    float* y = output_.data() + image * case_.output_pixels * channels + group * co;
    for_rows(begin, end, [&](int64_t t, int64_t in, int64_t out, int64_t count) {
      for (int64_t i = 0; i < count; ++i) {
        add_strided(y + (out + i * stride) * channels, columns_.data() + (in + i) * rows_ + t * co, co, 1);
      }
    });
  }

  const Case& case_;
  Layout layout_;
  Parallelism parallelism_;
  int64_t rows_ = 0, image_ = 0, group_ = 0;
  Buffer weights_, columns_, output_;
};

std::unique_ptr<Contestant> create(const Case& c, const Settings& settings) {
  require_memory(4.0 * static_cast<double>(c.channels_per_group_out() * c.geometry.taps) * static_cast<double>(c.input_pixels),
                 "the column matrix");
  std::unique_ptr<Contestant> best;
  double best_time = 0;
  for (const Layout layout : {Layout::nhwc, Layout::nchw}) {
    auto candidate =
        std::make_unique<GemmCol2im>(c, layout, settings.pool != nullptr ? settings.pool->parallelism() : Parallelism());
    const double time = quick_time(candidate.get());
    if (best && time >= best_time) continue;
    best = std::move(candidate);
    best_time = time;
  }
  return best;
}

}  // namespace
}  // namespace tconv::bench

extern "C" const tconv::bench::Peer* tconv_bench_peer() {
  static const std::string version = [] {
    // "OpenBLAS 0.3.21 DYNAMIC_ARCH ..."
    const std::string config = openblas_get_config();
    const size_t end = config.find(' ', 9);
    return config.rfind("OpenBLAS ", 0) == 0 ? config.substr(9, end - 9) : config;
  }();
  static const tconv::bench::Peer peer = {"openblas_col2im", version, "OPENBLAS_CORETYPE", tconv::bench::create};
  return &peer;
}
