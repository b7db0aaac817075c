// Peer: the textbook way. Zeros go between the inputs, and an ordinary stride-1 convolution with the flipped kernel follows: the
// best one that there is here, oneDNN's, in the better of NHWC and NCHW, over all its implementations. The zeros are written once,
// at creation; a run copies the inputs between them and convolves.
#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "bench/plugins/onednn_support.hpp"
#include "bench/thread_pool.hpp"

namespace tconv::bench {
namespace {

using dnnl::convolution_forward;

struct Stretched : Shape {
  int64_t size[3], crop[3];  // per axis: cells of the stretched tensor, cells cut off its beginning (negative padding)
  Buffer flipped;            // [groups][Cout / groups][Cin / groups][taps], taps in reverse

  explicit Stretched(const Case& c) : Shape(c), flipped(c.geometry.weight_elements) {
    const int lead = max_rank - c.layer.description.rank;
    for (int a = 0; a < max_rank; ++a) {
      const EquivalentConvolution e = equivalent_convolution(c.geometry.axis[a]);
      crop[a] = std::max<int64_t>(0, -e.pad_begin);
      size[a] = e.stretched_input - crop[a] - std::max<int64_t>(0, -e.pad_end);
      if (a < lead) continue;
      src.push_back(size[a]);
      dst.push_back(c.geometry.output[a]);
      weights.push_back(e.kernel);
      strides.push_back(1);
      dilates.push_back(e.dilation - 1);
      pad_l.push_back(std::max<int64_t>(0, e.pad_begin));
      pad_r.push_back(std::max<int64_t>(0, e.pad_end));
    }
    const int64_t icg = c.channels_per_group_in(), ocg = c.channels_per_group_out(), taps = c.geometry.taps;
    for (int64_t g = 0; g < c.layer.description.groups; ++g) {
      for (int64_t i = 0; i < icg; ++i) {
        for (int64_t o = 0; o < ocg; ++o) {
          const float* from = c.weights.data() + ((g * icg + i) * ocg + o) * taps;
          std::reverse_copy(from, from + taps, flipped.data() + ((g * ocg + o) * icg + i) * taps);
        }
      }
    }
  }
  memory::desc weights_desc() const {
    memory::dims strides_of(weights.size());
    memory::dim step = 1;
    for (size_t i = weights.size(); i-- > 0; step *= weights[i]) strides_of[i] = step;
    return memory::desc(weights, memory::data_type::f32, strides_of);
  }
};

class ZeroInsertion : public OneDnnPrimitive {
 public:
  ZeroInsertion(const Case& c, std::shared_ptr<const Stretched> s, const convolution_forward::primitive_desc& pd,
                const char* layout, const Parallelism& parallelism)
      : OneDnnPrimitive(c, pd, s->dst, s->weights_desc(), s->flipped.data(), layout),
        case_(c),
        stretched_(std::move(s)),
        channels_last_(layout[1] == 'h'),
        parallelism_(parallelism),
        stretched_bytes_(pd.src_desc().get_size()) {
    std::memset(source_.get_data_handle(), 0, stretched_bytes_);
  }
  void run() override {
    insert();
    OneDnnPrimitive::run();
  }
  double workspace_bytes() const override { return OneDnnPrimitive::workspace_bytes() + static_cast<double>(stretched_bytes_); }

 private:
  // Copies the inputs to every stride-th cell, a share of the input's rows on each thread.
  void insert() {
    const Description& d = case_.layer.description;
    const Axis* axis = case_.geometry.axis;
    rows_ = (channels_last_ ? d.batch : d.batch * d.in_channels) * axis[0].input * axis[1].input;
    if (parallelism_.parallel_for == nullptr) return insert_rows(0, rows_);
    parallelism_.parallel_for(
        parallelism_.context, parallelism_.threads,
        [](void* argument, size_t i) {
          auto* self = static_cast<ZeroInsertion*>(argument);
          const auto share = static_cast<int64_t>(i), shares = static_cast<int64_t>(self->parallelism_.threads);
          self->insert_rows(self->rows_ * share / shares, self->rows_ * (share + 1) / shares);
        },
        this);
  }
  void insert_rows(int64_t begin, int64_t end) {
    const Axis* axis = case_.geometry.axis;
    const int64_t *size = stretched_->size, *crop = stretched_->crop;
    const int64_t width = channels_last_ ? case_.layer.description.in_channels : 1;
    const float* input = channels_last_ ? case_.input_nhwc.data() : case_.input_nchw.data();
    auto* to = static_cast<float*>(source_.get_data_handle());
    for (int64_t i = begin; i < end; ++i) {
      const int64_t y = i % axis[1].input, z = i / axis[1].input % axis[0].input, plane = i / (axis[1].input * axis[0].input);
      const int64_t sz = z * axis[0].stride - crop[0], sy = y * axis[1].stride - crop[1];
      if (sz < 0 || sz >= size[0] || sy < 0 || sy >= size[1]) continue;
      const float* from = input + i * axis[2].input * width;
      float* row = to + ((plane * size[0] + sz) * size[1] + sy) * size[2] * width;
      for (int64_t x = 0; x < axis[2].input; ++x) {
        const int64_t sx = x * axis[2].stride - crop[2];
        if (sx < 0 || sx >= size[2]) continue;
        if (width == 1) {
          row[sx] = from[x];
        } else {
          std::memcpy(row + sx * width, from + x * width, static_cast<size_t>(width) * sizeof(float));
        }
      }
    }
  }

  const Case& case_;
  std::shared_ptr<const Stretched> stretched_;
  bool channels_last_;
  Parallelism parallelism_;
  size_t stretched_bytes_;
  int64_t rows_ = 0;
};

// oneDNN takes minutes, and up to more than ten, to prepare larger ones (19 channels, 64 x 64), and nothing can interrupt it.
constexpr int64_t most_taps = 1024;

std::unique_ptr<Contestant> create(const Case& c, const Settings& settings) {
  if (c.geometry.taps > most_taps) {
    throw std::runtime_error("kernel of " + std::to_string(c.geometry.taps) + " elements: oneDNN prepares no more than " +
                             std::to_string(most_taps) + " in reasonable time");
  }
  limit_onednn(settings.target);
  const auto s = std::make_shared<const Stretched>(c);
  double bytes = 4.0 * static_cast<double>(c.layer.description.batch * c.layer.description.in_channels);
  for (const int64_t size : s->size) bytes *= static_cast<double>(size);
  require_memory(bytes, "the zero-inserted tensor");
  const Parallelism parallelism = settings.pool != nullptr ? settings.pool->parallelism() : Parallelism();
  return quickest<convolution_forward>(dnnl::algorithm::convolution_direct, c, *s, {"nhwc", "nchw"},
                                       [&](const convolution_forward::primitive_desc& pd, const char* layout) {
                                         return std::make_unique<ZeroInsertion>(c, s, pd, layout, parallelism);
                                       });
}

}  // namespace
}  // namespace tconv::bench

extern "C" const tconv::bench::Peer* tconv_bench_peer() {
  static const tconv::bench::Peer peer = {"zero_insertion", "oneDNN " + tconv::bench::onednn_version() + " convolution",
                                          "dnnl_set_max_cpu_isa", tconv::bench::create};
  return &peer;
}
