#include <cmath>
#include <utility>

#include "tools/graph/steps.hpp"

namespace tools::graph {
namespace {

// Distance in elements between neighbours along each dimension of the result; 0 where the operand is repeated.
std::vector<int64_t> broadcast_pitch(const std::vector<int64_t>& operand, const std::vector<int64_t>& result) {
  std::vector<int64_t> pitch(result.size(), 0);
  int64_t inner = 1;
  for (size_t i = 1; i <= operand.size(); ++i) {
    const int64_t size = operand[operand.size() - i];
    if (size != 1) pitch[result.size() - i] = inner;
    inner *= size;
  }
  return pitch;
}

class AddStep : public Step {
 public:
  AddStep(std::string label, size_t a, std::vector<int64_t> a_shape, size_t b, std::vector<int64_t> b_shape, size_t output)
      : Step(std::move(label), output), a_(a), b_(b), a_shape_(std::move(a_shape)), b_shape_(std::move(b_shape)) {}

  std::vector<size_t> inputs() const override { return {a_, b_}; }

  void run(Context& context) const override {
    const Value& a = context.values[a_];
    const Value& b = context.values[b_];
    Value& y = context.values[output()];
    const std::vector<int64_t>& shape = y.tensor.shape;
    const std::vector<int64_t> pitch_a = broadcast_pitch(a_shape_, shape);
    const std::vector<int64_t> pitch_b = broadcast_pitch(b_shape_, shape);
    const size_t count = y.count();
    if (context.track_error) y.error.assign(count, 0.0f);
    std::vector<int64_t> index(shape.size(), 0);
    int64_t at_a = 0;
    int64_t at_b = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto ia = static_cast<size_t>(at_a);
      const auto ib = static_cast<size_t>(at_b);
      y.tensor.data[i] = a.tensor.data[ia] + b.tensor.data[ib];
      if (context.track_error) {
        y.error[i] = (a.error.empty() ? 0.0f : a.error[ia]) + (b.error.empty() ? 0.0f : b.error[ib]) +
                     2 * 0x1p-24f * (std::fabs(a.tensor.data[ia]) + std::fabs(b.tensor.data[ib]));
      }
      for (size_t d = shape.size(); d-- > 0;) {
        at_a += pitch_a[d];
        at_b += pitch_b[d];
        if (++index[d] < shape[d]) break;
        at_a -= pitch_a[d] * shape[d];
        at_b -= pitch_b[d] * shape[d];
        index[d] = 0;
      }
    }
  }

 private:
  size_t a_;
  size_t b_;
  std::vector<int64_t> a_shape_;
  std::vector<int64_t> b_shape_;
};

}  // namespace

std::unique_ptr<Step> make_add_step(const std::string& label, size_t a, std::vector<int64_t> a_shape, size_t b,
                                    std::vector<int64_t> b_shape, size_t output) {
  return std::make_unique<AddStep>(label, a, std::move(a_shape), b, std::move(b_shape), output);
}

}  // namespace tools::graph
