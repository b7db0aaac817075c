// Random layers on every target that this (emulated) CPU runs, against the scatter oracle, in ordinary memory: QEMU 7.2 reads all
// lanes of a masked AVX load, so that tests with guard pages, which are right on a real CPU, end with a fault under -cpu Haswell.
#include <cstdio>

#include "support/random_layer.hpp"

namespace tconv_test {
namespace {

constexpr int64_t slack = 64;  // floats after each tensor

std::vector<float> laid_out(const TensorLayout& layout, const Floats& dense) {
  std::vector<float> memory(static_cast<size_t>(layout.span + slack));
  if (!dense.empty()) layout.each([&](int64_t i, int64_t offset) { memory[offset] = dense[i]; });
  return memory;
}

struct alignas(tconv::ConvTranspose::workspace_alignment) Block {
  std::byte bytes[tconv::ConvTranspose::workspace_alignment];
};

// Empty, or what was wrong.
std::string run_layer(const Problem& problem, tconv::Target target, tconv::Layout layout) {
  Variant variant;
  variant.layout = layout;
  tconv::Options options;
  options.target = target;
  auto op = tconv::ConvTranspose::create(described(problem, variant), problem.w.data(),
                                         problem.bias.empty() ? nullptr : problem.bias.data(), options);
  if (!op.ok()) return op.status().message();

  const LayerSizes& s = problem.sizes;
  const TensorLayout in = tensor_layout(layout, s.batch, s.in_channels, s.input);
  const TensorLayout out = tensor_layout(layout, s.batch, s.out_channels, s.output);
  const std::vector<float> x = laid_out(in, problem.x), residual = laid_out(out, problem.residual);
  std::vector<float> y = laid_out(out, {});
  std::vector<Block> workspace(op->workspace_bytes() / sizeof(Block) + 1);
  const tconv::Status status = op->run(x.data(), y.data(), workspace.data(), workspace.size() * sizeof(Block), {},
                                       problem.layer.residual ? residual.data() : nullptr);
  if (!status.ok()) return status.message();
  Floats dense(static_cast<size_t>(s.output_elements()));
  out.each([&](int64_t i, int64_t offset) { dense[i] = y[offset]; });
  return compare(problem, dense, op->plan());
}

int run() {
  LayerLimits limits;
  limits.multiplications = 100000;
  int failures = 0, ran = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const Problem problem = make_problem(random_layer(random, limits), random, seed % 2 == 0 ? Data::whole : Data::real);
    for (tconv::Target target : supported_targets()) {
      for (tconv::Layout layout : {tconv::Layout::nchw, tconv::Layout::nhwc}) {
        const std::string wrong = run_layer(problem, target, layout);
        ++ran;
        if (wrong.empty()) continue;
        ++failures;
        std::printf("FAILED: seed %llu, %s, %s: %s\n  %s\n", static_cast<unsigned long long>(seed), tconv::target_name(target),
                    layout == tconv::Layout::nchw ? "nchw" : "nhwc", wrong.c_str(), to_string(problem.layer).c_str());
      }
    }
  }
  std::printf("%d layers, %d failed\n", ran, failures);
  return failures != 0;
}

}  // namespace
}  // namespace tconv_test

int main() { return tconv_test::run(); }
