// What the two contestants on oneDNN share: versions 2 (Debian) and 3 (PyPI) behind one face.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
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

// Of several ways to do the same thing keeps the quickest. `make` returns nullptr when there is no further one. Reference
// implementations ("ref:any") are tried only when nothing else exists: they take seconds.
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
    spent_ += time;
  }
  bool has_tuned() const { return best_ && !best_is_reference_; }
  bool out_of_time() const { return spent_ > 2; }
  std::unique_ptr<Contestant> take() {
    if (!best_) throw std::runtime_error("no implementation takes this layer");
    return std::move(best_);
  }

 private:
  std::unique_ptr<Contestant> best_;
  double best_time_ = 0, spent_ = 0;
  bool best_is_reference_ = false;
};

}  // namespace tconv::bench
