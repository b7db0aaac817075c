#include "bench/ours.hpp"

#include <stdexcept>

#include "bench/thread_pool.hpp"

namespace tconv::bench {
namespace {

class Ours : public Contestant {
 public:
  Ours(const Case& c, Layout layout, Algorithm algorithm, const Settings& settings) : layout_(layout) {
    Description d = c.layer.description;
    d.layout = layout;
    Options options;
    options.target = settings.target;
    options.algorithm = algorithm;
    Result<ConvTranspose> created = ConvTranspose::create(d, c.weights.data(), c.bias_or_null(), options);
    if (!created.ok()) throw std::runtime_error(created.status().message());
    op_ = std::move(created.value());
    if (settings.pool != nullptr) parallelism_ = settings.pool->parallelism();
    workspace_bytes_ = op_.workspace_bytes(parallelism_.threads);
    workspace_ = Buffer(static_cast<int64_t>((workspace_bytes_ + sizeof(float) - 1) / sizeof(float)));
    input_ = layout == Layout::nchw ? c.input_nchw.data() : c.input_nhwc.data();
    output_ = Buffer(c.geometry.output_elements);
    // Once, so that an error of run() shows here and not in the timed loop.
    const Status s = op_.run(input_, output_.data(), workspace_.data(), workspace_bytes_, parallelism_);
    if (!s.ok()) throw std::runtime_error(s.message());
  }
  void run() override { (void)op_.run(input_, output_.data(), workspace_.data(), workspace_bytes_, parallelism_).ok(); }
  void fill_output(float value) override { output_.fill(value); }
  const float* output(Layout* layout) override {
    *layout = layout_;
    return output_.data();
  }
  std::string layout() const override { return layout_ == Layout::nchw ? "nchw" : "nhwc"; }
  std::string detail() const override {
    return std::string(algorithm_name(op_.plan().algorithm)) + " " + target_name(op_.plan().target);
  }
  double packed_bytes() const override { return static_cast<double>(op_.packed_bytes()); }
  double workspace_bytes() const override { return static_cast<double>(workspace_bytes_); }

 private:
  Layout layout_;
  ConvTranspose op_;
  Parallelism parallelism_;
  size_t workspace_bytes_ = 0;
  Buffer workspace_, output_;
  const float* input_ = nullptr;
};

}  // namespace

std::unique_ptr<Contestant> make_ours(const Case& c, Layout layout, Algorithm algorithm, const Settings& settings) {
  return std::make_unique<Ours>(c, layout, algorithm, settings);
}

}  // namespace tconv::bench
