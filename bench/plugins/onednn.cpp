// Peer: oneDNN's deconvolution primitive. Weights reordered beforehand; source and destination in the layout that is quickest,
// tried over {its own choice, NHWC, NCHW} and over all its implementations.
#include "bench/plugins/onednn_support.hpp"

namespace tconv::bench {
namespace {

using dnnl::deconvolution_forward;

struct Shape {
  memory::dims src, weights, bias, dst, strides, dilates, pad_l, pad_r;
  memory::desc user_weights;  // the ONNX order, seen as {[G,] O, I, spatial}
};

Shape shape_of(const Case& c) {
  const Description& d = c.layer.description;
  const int lead = max_rank - d.rank;
  Shape s;
  const int64_t icg = c.channels_per_group_in(), ocg = c.channels_per_group_out(), taps = c.geometry.taps;
  s.src = {d.batch, d.in_channels};
  s.dst = {d.batch, d.out_channels};
  s.bias = {d.out_channels};
  memory::dims weight_strides;
  if (d.groups > 1) {
    s.weights = {d.groups};
    weight_strides = {icg * ocg * taps};
  }
  s.weights.insert(s.weights.end(), {ocg, icg});
  weight_strides.insert(weight_strides.end(), {taps, ocg * taps});
  int64_t step = taps;
  for (int a = 0; a < d.rank; ++a) {
    const Axis& axis = c.geometry.axis[a + lead];
    s.src.push_back(axis.input);
    s.dst.push_back(c.geometry.output[a + lead]);
    s.weights.push_back(axis.kernel);
    step /= axis.kernel;
    weight_strides.push_back(step);
    s.strides.push_back(axis.stride);
    s.dilates.push_back(axis.dilation - 1);
    s.pad_l.push_back(axis.pad_begin);
    s.pad_r.push_back(axis.pad_end - axis.output_padding);
  }
  s.user_weights = memory::desc(s.weights, memory::data_type::f32, weight_strides);
  return s;
}

class OneDnn : public Contestant {
 public:
  OneDnn(const Case& c, const Shape& s, const deconvolution_forward::primitive_desc& pd, const char* layout)
      : shape_(s), layout_(layout), detail_(pd.impl_info_str()), primitive_(pd) {
    dnnl::engine& engine = onednn_engine();
    memory user_src(dense_desc(s.src, false), engine, const_cast<float*>(c.input_nchw.data()));
    memory user_weights(s.user_weights, engine, const_cast<float*>(c.weights.data()));
    src_ = memory(pd.src_desc(), engine);
    weights_ = memory(pd.weights_desc(), engine);
    dst_ = memory(pd.dst_desc(), engine);
    reorder(user_src, src_);
    reorder(user_weights, weights_);
    arguments_ = {{DNNL_ARG_SRC, src_}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DST, dst_}};
    if (c.layer.bias) arguments_[DNNL_ARG_BIAS] = memory(pd.bias_desc(), engine, const_cast<float*>(c.bias.data()));
    scratch_bytes_ = static_cast<double>(pd.scratchpad_desc().get_size());
    if (scratch_bytes_ > 0) arguments_[DNNL_ARG_SCRATCHPAD] = memory(pd.scratchpad_desc(), engine);
    weight_bytes_ = static_cast<double>(pd.weights_desc().get_size());
    result_ = Buffer(c.geometry.output_elements);
  }
  void run() override {
    primitive_.execute(onednn_stream(), arguments_);
    onednn_stream().wait();
  }
  void fill_output(float value) override {
    auto* p = static_cast<float*>(dst_.get_data_handle());
    std::fill(p, p + dst_.get_desc().get_size() / sizeof(float), value);
  }
  const float* output(Layout* layout) override {
    memory dense(dense_desc(shape_.dst, false), onednn_engine(), result_.data());
    reorder(dst_, dense);
    *layout = Layout::nchw;
    return result_.data();
  }
  std::string layout() const override { return layout_; }
  std::string detail() const override { return detail_; }
  double packed_bytes() const override { return weight_bytes_; }
  double workspace_bytes() const override { return scratch_bytes_; }

 private:
  Shape shape_;
  std::string layout_, detail_;
  deconvolution_forward primitive_;
  memory src_, weights_, dst_;
  std::unordered_map<int, memory> arguments_;
  double scratch_bytes_ = 0, weight_bytes_ = 0;
  Buffer result_;
};

deconvolution_forward::primitive_desc describe(const Case& c, const Shape& s, const memory::desc& src, const memory::desc& dst) {
  const auto algorithm = dnnl::algorithm::deconvolution_direct;
  const auto inference = dnnl::prop_kind::forward_inference;
  const memory::desc bias(s.bias, memory::data_type::f32, memory::format_tag::a), none;
#if DNNL_VERSION_MAJOR >= 3
  return deconvolution_forward::primitive_desc(onednn_engine(), inference, algorithm, src, any_desc(s.weights),
                                               c.layer.bias ? bias : none, dst, s.strides, s.dilates, s.pad_l, s.pad_r,
                                               user_scratchpad());
#else
  const deconvolution_forward::desc desc = c.layer.bias
                                               ? deconvolution_forward::desc(inference, algorithm, src, any_desc(s.weights), bias,
                                                                             dst, s.strides, s.dilates, s.pad_l, s.pad_r)
                                               : deconvolution_forward::desc(inference, algorithm, src, any_desc(s.weights), dst,
                                                                             s.strides, s.dilates, s.pad_l, s.pad_r);
  return deconvolution_forward::primitive_desc(desc, user_scratchpad(), onednn_engine());
#endif
}

std::unique_ptr<Contestant> create(const Case& c, const Settings& settings) {
  limit_onednn(settings.target);
  const Shape s = shape_of(c);
  Tuner tuner;
  for (const char* layout : {"any", "nhwc", "nchw"}) {
    const bool any = layout[0] == 'a', last = layout[1] == 'h';
    try {
      auto pd = describe(c, s, any ? any_desc(s.src) : dense_desc(s.src, last), any ? any_desc(s.dst) : dense_desc(s.dst, last));
      do {
        const bool reference = std::string(pd.impl_info_str()).find("ref") != std::string::npos;
        if (reference && tuner.has_tuned()) continue;
        tuner.offer(std::make_unique<OneDnn>(c, s, pd, layout), reference);
      } while (!tuner.out_of_time() && pd.next_impl());
    } catch (const dnnl::error&) {
      continue;  // no implementation for this layout
    }
    if (tuner.out_of_time()) break;
  }
  return tuner.take();
}

}  // namespace
}  // namespace tconv::bench

extern "C" const tconv::bench::Peer* tconv_bench_peer() {
  static const tconv::bench::Peer peer = {"onednn", tconv::bench::onednn_version(), "dnnl_set_max_cpu_isa", tconv::bench::create};
  return &peer;
}
