// Peer: oneDNN's deconvolution primitive. Weights reordered beforehand; source and destination in the layout that is quickest,
// tried over {its own choice, NHWC, NCHW} and over all its implementations.
#include "bench/plugins/onednn_support.hpp"

namespace tconv::bench {
namespace {

using dnnl::deconvolution_forward;

struct TransposedShape : Shape {
  memory::desc user_weights;  // the ONNX order, seen as {[G,] O, I, spatial}

  explicit TransposedShape(const Case& c) : Shape(c) {
    const Description& d = c.layer.description;
    const int lead = max_rank - d.rank;
    const int64_t icg = c.channels_per_group_in(), ocg = c.channels_per_group_out(), taps = c.geometry.taps;
    memory::dims weight_strides;
    if (d.groups > 1) weight_strides = {icg * ocg * taps};
    weight_strides.insert(weight_strides.end(), {taps, ocg * taps});
    int64_t step = taps;
    for (int a = 0; a < d.rank; ++a) {
      const Axis& axis = c.geometry.axis[a + lead];
      src.push_back(axis.input);
      dst.push_back(c.geometry.output[a + lead]);
      weights.push_back(axis.kernel);
      step /= axis.kernel;
      weight_strides.push_back(step);
      strides.push_back(axis.stride);
      dilates.push_back(axis.dilation - 1);
      pad_l.push_back(axis.pad_begin);
      pad_r.push_back(axis.pad_end - axis.output_padding);
    }
    user_weights = memory::desc(weights, memory::data_type::f32, weight_strides);
  }
};

class OneDnn : public OneDnnPrimitive {
 public:
  OneDnn(const Case& c, const TransposedShape& s, const deconvolution_forward::primitive_desc& pd, const char* layout)
      : OneDnnPrimitive(c, pd, s.dst, s.user_weights, c.weights.data(), layout) {
    reorder(memory(dense_desc(s.src, false), onednn_engine(), const_cast<float*>(c.input_nchw.data())), source_);
  }
};

std::unique_ptr<Contestant> create(const Case& c, const Settings& settings) {
  limit_onednn(settings.target);
  const TransposedShape s(c);
  return quickest<deconvolution_forward>(dnnl::algorithm::deconvolution_direct, c, s, {"any", "nhwc", "nchw"},
                                         [&](const deconvolution_forward::primitive_desc& pd, const char* layout) {
                                           return std::make_unique<OneDnn>(c, s, pd, layout);
                                         });
}

}  // namespace
}  // namespace tconv::bench

extern "C" const tconv::bench::Peer* tconv_bench_peer() {
  static const tconv::bench::Peer peer = {"onednn", tconv::bench::onednn_version(), "dnnl_set_max_cpu_isa", tconv::bench::create};
  return &peer;
}
