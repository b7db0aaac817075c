// Peer: the textbook way. Zeros go between the inputs, and an ordinary stride-1 convolution with the flipped kernel follows: the
// best one that there is here, oneDNN's, in the better of NHWC and NCHW, over all its implementations. The zeros are written once,
// at creation; a run copies the inputs between them and convolves.
#include <algorithm>
#include <cstring>

#include "bench/plugins/onednn_support.hpp"

namespace tconv::bench {
namespace {

using dnnl::convolution_forward;

struct Stretched {
  memory::dims src, weights, bias, dst, strides, dilates, pad_l, pad_r;
  int64_t size[3], crop[3];  // per axis: cells of the stretched tensor, cells cut off its beginning (negative padding)
  Buffer flipped;            // [groups][Cout / groups][Cin / groups][taps], taps in reverse
};

Stretched stretch(const Case& c) {
  const Description& d = c.layer.description;
  const int lead = max_rank - d.rank;
  Stretched s;
  const int64_t icg = c.channels_per_group_in(), ocg = c.channels_per_group_out(), taps = c.geometry.taps;
  s.src = {d.batch, d.in_channels};
  s.dst = {d.batch, d.out_channels};
  s.bias = {d.out_channels};
  if (d.groups > 1) s.weights = {d.groups};
  s.weights.insert(s.weights.end(), {ocg, icg});
  for (int a = 0; a < max_rank; ++a) {
    const EquivalentConvolution e = equivalent_convolution(c.geometry.axis[a]);
    s.crop[a] = std::max<int64_t>(0, -e.pad_begin);
    s.size[a] = e.stretched_input - s.crop[a] - std::max<int64_t>(0, -e.pad_end);
    if (a < lead) continue;
    s.src.push_back(s.size[a]);
    s.dst.push_back(c.geometry.output[a]);
    s.weights.push_back(e.kernel);
    s.strides.push_back(1);
    s.dilates.push_back(e.dilation - 1);
    s.pad_l.push_back(std::max<int64_t>(0, e.pad_begin));
    s.pad_r.push_back(std::max<int64_t>(0, e.pad_end));
  }
  s.flipped = Buffer(c.geometry.weight_elements);
  for (int64_t g = 0; g < d.groups; ++g) {
    for (int64_t i = 0; i < icg; ++i) {
      for (int64_t o = 0; o < ocg; ++o) {
        const float* from = c.weights.data() + ((g * icg + i) * ocg + o) * taps;
        std::reverse_copy(from, from + taps, s.flipped.data() + ((g * ocg + o) * icg + i) * taps);
      }
    }
  }
  return s;
}

class ZeroInsertion : public Contestant {
 public:
  ZeroInsertion(const Case& c, const Stretched& s, const convolution_forward::primitive_desc& pd, bool channels_last)
      : case_(c), stretched_(s), channels_last_(channels_last), detail_(pd.impl_info_str()), primitive_(pd) {
    dnnl::engine& engine = onednn_engine();
    src_ = memory(pd.src_desc(), engine);
    weights_ = memory(pd.weights_desc(), engine);
    dst_ = memory(pd.dst_desc(), engine);
    std::memset(src_.get_data_handle(), 0, pd.src_desc().get_size());
    memory flipped(dense_desc_of(s.weights), engine, const_cast<float*>(s.flipped.data()));
    reorder(flipped, weights_);
    arguments_ = {{DNNL_ARG_SRC, src_}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DST, dst_}};
    if (c.layer.bias) arguments_[DNNL_ARG_BIAS] = memory(pd.bias_desc(), engine, const_cast<float*>(c.bias.data()));
    if (pd.scratchpad_desc().get_size() > 0) arguments_[DNNL_ARG_SCRATCHPAD] = memory(pd.scratchpad_desc(), engine);
    weight_bytes_ = static_cast<double>(pd.weights_desc().get_size());
    extra_bytes_ = static_cast<double>(pd.scratchpad_desc().get_size()) + static_cast<double>(pd.src_desc().get_size());
    result_ = Buffer(c.geometry.output_elements);
  }
  void run() override {
    insert();
    primitive_.execute(onednn_stream(), arguments_);
    onednn_stream().wait();
  }
  void fill_output(float value) override {
    auto* p = static_cast<float*>(dst_.get_data_handle());
    std::fill(p, p + dst_.get_desc().get_size() / sizeof(float), value);
  }
  const float* output(Layout* layout) override {
    memory dense(dense_desc(stretched_.dst, false), onednn_engine(), result_.data());
    reorder(dst_, dense);
    *layout = Layout::nchw;
    return result_.data();
  }
  std::string layout() const override { return channels_last_ ? "nhwc" : "nchw"; }
  std::string detail() const override { return detail_; }
  double packed_bytes() const override { return weight_bytes_; }
  double workspace_bytes() const override { return extra_bytes_; }

 private:
  static memory::desc dense_desc_of(const memory::dims& dims) {
    memory::dims strides(dims.size());
    memory::dim step = 1;
    for (size_t i = dims.size(); i-- > 0; step *= dims[i]) strides[i] = step;
    return memory::desc(dims, memory::data_type::f32, strides);
  }

  // Copies the inputs to every stride-th cell.
  void insert() {
    const Description& d = case_.layer.description;
    const Axis* axis = case_.geometry.axis;
    const int64_t* size = stretched_.size;
    auto* to = static_cast<float*>(src_.get_data_handle());
    const int64_t planes = channels_last_ ? d.batch : d.batch * d.in_channels;
    const int64_t width = channels_last_ ? d.in_channels : 1;
    const float* from = channels_last_ ? case_.input_nhwc.data() : case_.input_nchw.data();
    for (int64_t plane = 0; plane < planes; ++plane) {
      for (int64_t z = 0; z < axis[0].input; ++z) {
        for (int64_t y = 0; y < axis[1].input; ++y, from += axis[2].input * width) {
          const int64_t sz = z * axis[0].stride - stretched_.crop[0], sy = y * axis[1].stride - stretched_.crop[1];
          if (sz < 0 || sz >= size[0] || sy < 0 || sy >= size[1]) continue;
          float* row = to + ((plane * size[0] + sz) * size[1] + sy) * size[2] * width;
          for (int64_t x = 0; x < axis[2].input; ++x) {
            const int64_t sx = x * axis[2].stride - stretched_.crop[2];
            if (sx < 0 || sx >= size[2]) continue;
            if (width == 1) {
              row[sx] = from[x];
            } else {
              std::memcpy(row + sx * width, from + x * width, static_cast<size_t>(width) * sizeof(float));
            }
          }
        }
      }
    }
  }

  const Case& case_;
  const Stretched& stretched_;
  bool channels_last_;
  std::string detail_;
  convolution_forward primitive_;
  memory src_, weights_, dst_;
  std::unordered_map<int, memory> arguments_;
  double weight_bytes_ = 0, extra_bytes_ = 0;
  Buffer result_;
};

// The winner, together with the shape that it refers to.
class Owner : public Contestant {
 public:
  Owner(std::unique_ptr<Stretched> s, std::unique_ptr<Contestant> c) : stretched_(std::move(s)), inner_(std::move(c)) {}
  void run() override { inner_->run(); }
  void fill_output(float value) override { inner_->fill_output(value); }
  const float* output(Layout* layout) override { return inner_->output(layout); }
  std::string layout() const override { return inner_->layout(); }
  std::string detail() const override { return inner_->detail(); }
  double packed_bytes() const override { return inner_->packed_bytes(); }
  double workspace_bytes() const override { return inner_->workspace_bytes(); }

 private:
  std::unique_ptr<Stretched> stretched_;
  std::unique_ptr<Contestant> inner_;
};

convolution_forward::primitive_desc describe(const Case& c, const Stretched& s, bool channels_last) {
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const auto inference = dnnl::prop_kind::forward_inference;
  const memory::desc src = dense_desc(s.src, channels_last), dst = dense_desc(s.dst, channels_last);
  const memory::desc bias(s.bias, memory::data_type::f32, memory::format_tag::a), none;
#if DNNL_VERSION_MAJOR >= 3
  return convolution_forward::primitive_desc(onednn_engine(), inference, algorithm, src, any_desc(s.weights),
                                             c.layer.bias ? bias : none, dst, s.strides, s.dilates, s.pad_l, s.pad_r,
                                             user_scratchpad());
#else
  const convolution_forward::desc desc = c.layer.bias ? convolution_forward::desc(inference, algorithm, src, any_desc(s.weights),
                                                                                  bias, dst, s.strides, s.dilates, s.pad_l, s.pad_r)
                                                      : convolution_forward::desc(inference, algorithm, src, any_desc(s.weights),
                                                                                  dst, s.strides, s.dilates, s.pad_l, s.pad_r);
  return convolution_forward::primitive_desc(desc, user_scratchpad(), onednn_engine());
#endif
}

std::unique_ptr<Contestant> create(const Case& c, const Settings& settings) {
  limit_onednn(settings.target);
  auto s = std::make_unique<Stretched>(stretch(c));
  double bytes = 4.0 * static_cast<double>(c.layer.description.batch * c.layer.description.in_channels);
  for (const int64_t size : s->size) bytes *= static_cast<double>(size);
  require_memory(bytes, "the zero-inserted tensor");
  Tuner tuner;
  for (const bool channels_last : {true, false}) {
    try {
      auto pd = describe(c, *s, channels_last);
      do {
        const bool reference = std::string(pd.impl_info_str()).find("ref") != std::string::npos;
        if (reference && tuner.has_tuned()) continue;
        tuner.offer(std::make_unique<ZeroInsertion>(c, *s, pd, channels_last), reference);
      } while (!tuner.out_of_time() && pd.next_impl());
    } catch (const dnnl::error&) {
      continue;
    }
    if (tuner.out_of_time()) break;
  }
  std::unique_ptr<Contestant> best = tuner.take();
  return std::make_unique<Owner>(std::move(s), std::move(best));
}

}  // namespace
}  // namespace tconv::bench

extern "C" const tconv::bench::Peer* tconv_bench_peer() {
  static const tconv::bench::Peer peer = {"zero_insertion", "oneDNN " + tconv::bench::onednn_version() + " convolution",
                                          "dnnl_set_max_cpu_isa", tconv::bench::create};
  return &peer;
}
