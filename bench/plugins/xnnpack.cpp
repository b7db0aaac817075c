// Peer: XNNPACK's NHWC deconvolution operator; 1-D layers as images of one row. Its allocator is ours, so that what it holds is
// known to the byte. With a batch of one image it takes a one-row micro-kernel where several rows would be quicker: a batch of two
// images is tried as well, and counts half its time.
#include <pthreadpool.h>
#include <xnnpack.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>

#include "bench/contestant.hpp"

namespace tconv::bench {
namespace {

// Bytes now held. Each block carries its size in front.
size_t held = 0;
constexpr size_t head = 64;

void* aligned_allocate(void*, size_t alignment, size_t size) {
  if (alignment > head) return nullptr;
  auto* block = static_cast<char*>(std::aligned_alloc(head, (size + 2 * head - 1) / head * head));
  if (block == nullptr) return nullptr;
  std::memcpy(block, &size, sizeof size);
  held += size;
  return block + head;
}
void aligned_deallocate(void*, void* pointer) {
  if (pointer == nullptr) return;
  char* block = static_cast<char*>(pointer) - head;
  size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  held -= size;
  std::free(block);
}
void* allocate(void* context, size_t size) { return aligned_allocate(context, head, size); }
void* reallocate(void* context, void* pointer, size_t size) {
  void* bigger = allocate(context, size);
  if (bigger != nullptr && pointer != nullptr) {
    size_t old = 0;
    std::memcpy(&old, static_cast<char*>(pointer) - head, sizeof old);
    std::memcpy(bigger, pointer, old < size ? old : size);
    aligned_deallocate(context, pointer);
  }
  return bigger;
}

void require(xnn_status status, const char* what) {
  if (status != xnn_status_success) {
    throw std::runtime_error(std::string(what) + (status == xnn_status_unsupported_parameter  ? ": unsupported parameter"
                                                  : status == xnn_status_invalid_parameter    ? ": invalid parameter"
                                                  : status == xnn_status_unsupported_hardware ? ": unsupported hardware"
                                                                                              : ": failed"));
  }
}

class Xnnpack : public Contestant {
 public:
  Xnnpack(const Case& c, const Settings& settings, int images) : images_(images) {
    const Description& d = c.layer.description;
    const Geometry& g = c.geometry;
    if (g.axis[0].kernel != 1 || g.axis[0].input != 1) throw std::runtime_error("2-D only");
    const size_t ci = static_cast<size_t>(c.channels_per_group_in()), co = static_cast<size_t>(c.channels_per_group_out());
    // [groups][Cout / groups][taps][Cin / groups]
    Buffer kernel(g.weight_elements);
    float* to = kernel.data();
    for (int64_t group = 0; group < d.groups; ++group) {
      for (size_t o = 0; o < co; ++o) {
        for (int64_t t = 0; t < g.taps; ++t) {
          for (size_t i = 0; i < ci; ++i) {
            *to++ = c.weights.data()[((static_cast<size_t>(group) * ci + i) * co + o) * static_cast<size_t>(g.taps) +
                                     static_cast<size_t>(t)];
          }
        }
      }
    }
    const auto u32 = [](int64_t v) { return static_cast<uint32_t>(v); };
    const Axis &y = g.axis[1], &x = g.axis[2];
    const size_t before = held;
    require(xnn_create_deconvolution2d_nhwc_f32(
                u32(y.pad_begin), u32(x.pad_end), u32(y.pad_end), u32(x.pad_begin), u32(y.kernel), u32(x.kernel), u32(y.stride),
                u32(x.stride), u32(y.dilation), u32(x.dilation), u32(d.groups), ci, co, static_cast<size_t>(d.in_channels),
                static_cast<size_t>(d.out_channels), kernel.data(), c.bias_or_null(), -std::numeric_limits<float>::infinity(),
                std::numeric_limits<float>::infinity(), 0, &operator_),
            "create");
    packed_bytes_ = static_cast<double>(held - before);
    if (settings.threads > 1) threads_ = pthreadpool_create(static_cast<size_t>(settings.threads));
    // It may read a little past the end of a row: room behind the tensor.
    input_ = Buffer(images * g.input_elements + 256);
    output_ = Buffer(images * g.output_elements);
    for (int n = 0; n < images; ++n) {
      std::memcpy(input_.data() + n * g.input_elements, c.input_nhwc.data(), static_cast<size_t>(g.input_elements) * sizeof(float));
    }
    const size_t packed = held;
    const xnn_status status = xnn_setup_deconvolution2d_nhwc_f32(
        operator_, static_cast<size_t>(images * d.batch), static_cast<size_t>(y.input), static_cast<size_t>(x.input),
        u32(y.output_padding), u32(x.output_padding), input_.data(), output_.data(), threads_);
    workspace_bytes_ = static_cast<double>(held - packed);
    if (status != xnn_status_success) clear();
    require(status, "setup");
  }
  ~Xnnpack() override { clear(); }
  void run() override { (void)xnn_run_operator(operator_, threads_); }
  void fill_output(float value) override { output_.fill(value); }
  const float* output(Layout* layout) override {
    *layout = Layout::nhwc;
    return output_.data();
  }
  int images() const override { return images_; }
  std::string layout() const override { return "nhwc"; }
  std::string detail() const override {
    return images_ == 1 ? "deconvolution2d_nhwc_f32" : "deconvolution2d_nhwc_f32, two images a call";
  }
  double packed_bytes() const override { return packed_bytes_; }
  double workspace_bytes() const override { return workspace_bytes_; }

 private:
  void clear() {
    if (operator_ != nullptr) xnn_delete_operator(operator_);
    if (threads_ != nullptr) pthreadpool_destroy(threads_);
    operator_ = nullptr;
    threads_ = nullptr;
  }
  int images_;
  xnn_operator_t operator_ = nullptr;
  pthreadpool_t threads_ = nullptr;
  Buffer input_, output_;
  double packed_bytes_ = 0, workspace_bytes_ = 0;
};

std::unique_ptr<Contestant> create(const Case& c, const Settings& settings) {
  static const xnn_allocator allocator = {nullptr, allocate, reallocate, aligned_deallocate, aligned_allocate, aligned_deallocate};
  static const xnn_status initialized = xnn_initialize(&allocator);
  require(initialized, "xnn_initialize");
  auto one = std::make_unique<Xnnpack>(c, settings, 1);
  if (c.layer.description.batch > 1) return one;
  const double time = quick_time(one.get());
  if (time > 0.5) return one;
  auto two = std::make_unique<Xnnpack>(c, settings, 2);
  if (quick_time(two.get()) / 2 < time * 0.97) return two;
  return one;
}

}  // namespace
}  // namespace tconv::bench

extern "C" const tconv::bench::Peer* tconv_bench_peer() {
  static const tconv::bench::Peer peer = {"xnnpack", TCONV_BENCH_XNNPACK_VERSION, "", tconv::bench::create};
  return &peer;
}
