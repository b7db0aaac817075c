// What the two contestants on oneDNN share: versions 2 (Debian) and 3 (PyPI) behind one face.
#pragma once

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/contestant.hpp"
#include "dnnl.hpp"

namespace tconv::bench {

using dnnl::memory;

inline std::string onednn_version() {
  const dnnl_version_t* v = dnnl_version();
  return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

// To be called before the first primitive is made; later calls have no effect.
inline void limit_onednn(Target target) {
  if (target == Target::avx2) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
  if (target == Target::sse4 || target == Target::scalar) dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
}

inline dnnl::engine& onednn_engine() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}
inline dnnl::stream& onednn_stream() {
  static dnnl::stream stream(onednn_engine());
  return stream;
}

// Dense NCHW-like or NHWC-like strides for dims {N, C, spatial...}.
inline memory::dims dense_strides(const memory::dims& dims, bool channels_last) {
  memory::dims strides(dims.size());
  memory::dim step = channels_last ? dims[1] : 1;
  for (size_t i = dims.size(); i-- > 2;) {
    strides[i] = step;
    step *= dims[i];
  }
  strides[1] = channels_last ? 1 : step;
  strides[0] = channels_last ? step : step * dims[1];
  return strides;
}

inline memory::desc dense_desc(const memory::dims& dims, bool channels_last) {
  return memory::desc(dims, memory::data_type::f32, dense_strides(dims, channels_last));
}
inline memory::desc any_desc(const memory::dims& dims) {
  return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
}

inline void reorder(memory from, memory to) {
  dnnl::reorder(from, to).execute(onednn_stream(), from, to);
  onednn_stream().wait();
}

inline dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

// Sizes as oneDNN counts them: axes that the rank lacks are left out, dilations begin at 0.
struct Shape {
  memory::dims src, weights, bias, dst, strides, dilates, pad_l, pad_r;

  // All but the axes.
  explicit Shape(const Case& c) {
    const Description& d = c.layer.description;
    src = {d.batch, d.in_channels};
    dst = {d.batch, d.out_channels};
    bias = {d.out_channels};
    if (d.groups > 1) weights = {d.groups};
    weights.insert(weights.end(), {c.channels_per_group_out(), c.channels_per_group_in()});
  }
};

// Of several ways to do the same thing keeps the quickest. Reference implementations ("ref:any") are tried only when nothing else
// exists: they take seconds. What is left after a second and a half is not tried: it would be among the slow ones.
class Tuner {
 public:
  void offer(std::unique_ptr<Contestant> candidate, bool reference) {
    if (!candidate || (best_ && reference)) return;
    const double time = quick_time(candidate.get());
    if (!best_ || time < best_time_ || (best_is_reference_ && !reference)) {
      best_ = std::move(candidate);
      best_time_ = time;
      best_is_reference_ = reference;
    }
  }
  bool has_tuned() const { return best_ && !best_is_reference_; }
  bool out_of_time() const { return best_ && std::chrono::steady_clock::now() - start_ > std::chrono::milliseconds(1500); }
  std::unique_ptr<Contestant> take() {
    if (!best_) throw std::runtime_error("no implementation takes this layer");
    return std::move(best_);
  }

 private:
  std::unique_ptr<Contestant> best_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double best_time_ = 0;
  bool best_is_reference_ = false;
};

// What both contestants are: a primitive with its tensors in the formats that it wants, its weights reordered beforehand.
class OneDnnPrimitive : public Contestant {
 public:
  // `user_weights` describes c-order weights at `weights`; `source` is uninitialised.
  template <typename Description>
  OneDnnPrimitive(const Case& c, const Description& pd, const memory::dims& dst, const memory::desc& user_weights,
                  const float* weights, const std::string& layout)
      : source_(pd.src_desc(), onednn_engine()),
        layout_(layout),
        detail_(pd.impl_info_str()),
        dst_dims_(dst),
        primitive_(pd),
        weights_(pd.weights_desc(), onednn_engine()),
        dst_(pd.dst_desc(), onednn_engine()),
        result_(c.geometry.output_elements) {
    dnnl::engine& engine = onednn_engine();
    reorder(memory(user_weights, engine, const_cast<float*>(weights)), weights_);
    arguments_ = {{DNNL_ARG_SRC, source_}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DST, dst_}};
    if (c.layer.bias) arguments_[DNNL_ARG_BIAS] = memory(pd.bias_desc(), engine, const_cast<float*>(c.bias.data()));
    scratch_bytes_ = static_cast<double>(pd.scratchpad_desc().get_size());
    if (scratch_bytes_ > 0) arguments_[DNNL_ARG_SCRATCHPAD] = memory(pd.scratchpad_desc(), engine);
    weight_bytes_ = static_cast<double>(pd.weights_desc().get_size());
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
    reorder(dst_, memory(dense_desc(dst_dims_, false), onednn_engine(), result_.data()));
    *layout = Layout::nchw;
    return result_.data();
  }
  std::string layout() const override { return layout_; }
  std::string detail() const override { return detail_; }
  double packed_bytes() const override { return weight_bytes_; }
  double workspace_bytes() const override { return scratch_bytes_; }

 protected:
  memory source_;

 private:
  std::string layout_, detail_;
  memory::dims dst_dims_;
  dnnl::primitive primitive_;
  memory weights_, dst_;
  std::unordered_map<int, memory> arguments_;
  double scratch_bytes_ = 0, weight_bytes_ = 0;
  Buffer result_;
};

// Descriptors of Primitive (convolution_forward or deconvolution_forward), whose constructors differ between versions 2 and 3.
// Those of version 2 look at the operation's descriptor again when they move on to the next implementation: both are kept.
template <typename Primitive>
class Implementations {
 public:
#if DNNL_VERSION_MAJOR >= 3
  Implementations(dnnl::algorithm algorithm, const Case& c, const Shape& s, const memory::desc& src, const memory::desc& dst)
      : pd(onednn_engine(), inference, algorithm, src, weights(s), bias(c, s), dst, s.strides, s.dilates, s.pad_l, s.pad_r,
           user_scratchpad()) {}
#else
  Implementations(dnnl::algorithm algorithm, const Case& c, const Shape& s, const memory::desc& src, const memory::desc& dst)
      : operation_(c.layer.bias
                       ? Operation(inference, algorithm, src, weights(s), bias(c, s), dst, s.strides, s.dilates, s.pad_l, s.pad_r)
                       : Operation(inference, algorithm, src, weights(s), dst, s.strides, s.dilates, s.pad_l, s.pad_r)),
        pd(operation_, user_scratchpad(), onednn_engine()) {}
#endif
  Implementations(const Implementations&) = delete;
  Implementations& operator=(const Implementations&) = delete;

 private:
  static constexpr dnnl::prop_kind inference = dnnl::prop_kind::forward_inference;
  static memory::desc weights(const Shape& s) { return any_desc(s.weights); }
  static memory::desc bias(const Case& c, const Shape& s) {
    return c.layer.bias ? memory::desc(s.bias, memory::data_type::f32, memory::format_tag::a) : memory::desc();
  }
#if DNNL_VERSION_MAJOR < 3
  using Operation = typename Primitive::desc;
  Operation operation_;
#endif

 public:
  typename Primitive::primitive_desc pd;
};

// The quickest contestant over layouts ("any", "nhwc", "nchw") and all implementations. make(pd, layout).
template <typename Primitive, typename Make>
std::unique_ptr<Contestant> quickest(dnnl::algorithm algorithm, const Case& c, const Shape& s,
                                     const std::vector<const char*>& layouts, Make make) {
  Tuner tuner;
  for (const char* layout : layouts) {
    const bool any = layout[0] == 'a', last = layout[1] == 'h';
    try {
      Implementations<Primitive> implementations(algorithm, c, s, any ? any_desc(s.src) : dense_desc(s.src, last),
                                                 any ? any_desc(s.dst) : dense_desc(s.dst, last));
      auto& pd = implementations.pd;
      do {
        const bool reference = std::string(pd.impl_info_str()).find("ref") != std::string::npos;
        if (reference && tuner.has_tuned()) continue;
        tuner.offer(make(pd, layout), reference);
      } while (!tuner.out_of_time() && pd.next_impl());
    } catch (const dnnl::error&) {
      continue;  // no implementation for this layout
    }
    if (tuner.out_of_time()) break;
  }
  return tuner.take();
}

}  // namespace tconv::bench
