// `tconv run` from files to files, against the plain-loop oracle in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/model_file.hpp"
#include "support/oracle.hpp"
#include "support/program.hpp"
#include "support/scratch.hpp"
#include "tools/io/npy.hpp"

namespace tconv_test {
namespace {

std::vector<double> doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

// x [2, 3, 5, 4] -> ConvTranspose (5 channels, k3x2, s2x3, pads, output padding, dilation) -> BatchNormalization -> LeakyRelu.
class Run : public testing::Test {
 protected:
  void SetUp() override {
    layer.rank = 2;
    layer.batch = 2;
    layer.in_channels = 3;
    layer.out_channels = 5;
    layer.axis[0] = {5, 3, 2, 2, 1, 2, 1};
    layer.axis[1] = {4, 2, 3, 1, 0, 1, 2};
    x = random_floats(&random, 2 * 3 * 5 * 4);
    w = random_floats(&random, 3 * 5 * 3 * 2);
    bias = random_floats(&random, 5);
    scale = random_floats(&random, 5);
    shift = random_floats(&random, 5);
    mean = random_floats(&random, 5);
    variance = random_floats(&random, 5, 0.2f, 2.0f);

    onnx::NodeProto* conv = file.node("ConvTranspose", {"x", "w", "b"}, {"c"});
    set(conv, "strides", Dims{2, 3});
    set(conv, "dilations", Dims{2, 1});
    set(conv, "pads", Dims{1, 0, 2, 1});
    set(conv, "output_padding", Dims{1, 2});
    set(conv, "kernel_shape", Dims{3, 2});
    set(file.node("BatchNormalization", {"c", "scale", "shift", "mean", "var"}, {"n"}), "epsilon", 1e-3f);
    set(file.node("LeakyRelu", {"n"}, {"y"}), "alpha", 0.3f);
    file.input("x", {-1, 3, -1, -1});
    file.initializer("w", {3, 5, 3, 2}, w);
    file.initializer("b", {5}, bias);
    file.initializer("scale", {5}, scale);
    file.initializer("shift", {5}, shift);
    file.initializer("mean", {5}, mean);
    file.initializer("var", {5}, variance);
    file.output("y");
    model = file.save(scratch.path("model.onnx"));
    input = scratch.file("x.npy", npy_bytes({2, 3, 5, 4}, "<f4", raw(x)));
    output = scratch.path("y.npy");
  }

  std::vector<double> expected() const {
    const LayerSizes sizes = layer_sizes(layer);
    std::vector<double> y = scatter_oracle(sizes, doubles(x), doubles(w));
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t c = i / static_cast<size_t>(sizes.output_cells()) % 5;
      const double factor = double{scale[c]} / std::sqrt(double{variance[c]} + double{1e-3f});
      const double v = (y[i] + double{bias[c]} - double{mean[c]}) * factor + double{shift[c]};
      y[i] = v >= 0 ? v : double{0.3f} * v;
    }
    return y;
  }

  void expect_right(const std::string& path) const {
    const tools::Tensor actual = tools::read_npy(path);
    const LayerSizes sizes = layer_sizes(layer);
    EXPECT_EQ(actual.shape, (Dims{2, 5, sizes.output[1], sizes.output[2]}));
    const std::vector<double> want = expected();
    ASSERT_EQ(actual.data.size(), want.size());
    // At most 3 * 6 products of magnitude 1, a bias and a mean of 1, all times at most 1 / sqrt(0.2); a shift of 1.
    const double tolerance = (18 + 6) * 0x1p-24 * (18 + 2) * 2.3;
    for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(actual.data[i], want[i], tolerance) << "element " << i;
  }

  std::mt19937_64 random{41};
  tconv::Description layer;
  std::vector<float> x, w, bias, scale, shift, mean, variance;
  ModelFile file;
  Scratch scratch;
  std::string model, input, output;
};

TEST_F(Run, GivesTheOraclesResultInEveryVariant) {
  const std::vector<std::vector<std::string>> variants = {{},
                                                          {"--no-fusion"},
                                                          {"--layout", "nhwc"},
                                                          {"--layout", "nhwc", "--no-fusion"},
                                                          {"--threads", "3", "--repeat", "2"},
                                                          {"--target", "scalar"}};
  for (const std::vector<std::string>& variant : variants) {
    std::vector<std::string> arguments = {"run", model, "-i", input, "-o", output};
    arguments.insert(arguments.end(), variant.begin(), variant.end());
    const Ran ran = run_tconv(arguments);
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_TRUE(ran.err.empty()) << ran.err;
    expect_right(output);
  }
}

TEST_F(Run, FusesTheWholeChainIntoOneStep) {
  EXPECT_NE(run_tconv({"run", model, "-i", input}).out.find("1 steps"), std::string::npos);
  EXPECT_NE(run_tconv({"run", model, "-i", input, "--no-fusion"}).out.find("3 steps"), std::string::npos);
}

TEST_F(Run, ReadsAndWritesTensorProtos) {
  const std::string proto = scratch.file("x.pb", tensor_proto("x", {2, 3, 5, 4}, x).SerializeAsString());
  const Ran ran = run_tconv({"run", model, "-i", proto, "-o", scratch.path("y.pb")});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  ASSERT_EQ(run_tconv({"run", model, "-i", input, "-o", output}).exit_code, 0);
  onnx::TensorProto written;
  ASSERT_TRUE(written.ParseFromString(read_text(scratch.path("y.pb"))));
  EXPECT_EQ(written.name(), "y");
  EXPECT_EQ(written.data_type(), onnx::TensorProto::FLOAT);
  const tools::Tensor same = tools::read_npy(output);
  EXPECT_EQ(Dims(written.dims().begin(), written.dims().end()), same.shape);
  EXPECT_EQ(floats_at(written.raw_data(), 0), same.data);
}

TEST_F(Run, TakesNamedInputsAndWeightsAsInputs) {
  ModelFile open;
  set(open.node("ConvTranspose", {"x", "w", ""}, {"y"}), "strides", Dims{2});
  open.input("x", {1, 1, 2});
  open.input("w", {1, 1, 2});
  open.output("y");
  const std::string path = open.save(scratch.path("open.onnx"));
  const std::string a = scratch.file("a.npy", npy_bytes({1, 1, 2}, "<f4", raw({2, 3})));
  const std::string b = scratch.file("b.npy", npy_bytes({1, 1, 2}, "<f4", raw({10, 1})));
  ASSERT_EQ(run_tconv({"run", path, "-i", a, "-i", b, "-o", output}).exit_code, 0);
  EXPECT_EQ(tools::read_npy(output).data, (std::vector<float>{20, 2, 30, 3}));
  ASSERT_EQ(run_tconv({"run", path, "-i", "w=" + b, "-i", "x=" + a, "-o", output}).exit_code, 0);
  EXPECT_EQ(tools::read_npy(output).data, (std::vector<float>{20, 2, 30, 3}));
}

TEST_F(Run, RepeatReportsAMedian) {
  EXPECT_NE(run_tconv({"run", model, "-i", input, "--repeat", "3"}).out.find("median of 3"), std::string::npos);
}

TEST_F(Run, ProgressGoesToStderrWhenAsked) {
  EXPECT_NE(run_tconv({"run", model, "-i", input, "--repeat", "20", "--progress"}).err.find("run: 50 %"), std::string::npos);
}

TEST_F(Run, TheMemoryLimitHolds) {
  const std::string big = scratch.file("big.npy", npy_bytes({1, 3, 300, 300}, "<f4", raw(std::vector<float>(3 * 300 * 300))));
  const Ran refused = run_tconv({"run", model, "-i", big, "-o", output, "--memory-limit", "5"});  // the output alone takes 10 MB
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.err.find("--memory-limit"), std::string::npos) << refused.err;
  EXPECT_EQ(run_tconv({"run", model, "-i", big, "-o", output, "--memory-limit", "50"}).exit_code, 0);
}

TEST_F(Run, UnsupportedOperatorsAreNamed) {
  file.node("Softmax", {"n"}, {"s"})->set_name("soft");
  file.output("s");
  const Ran ran = run_tconv({"run", file.save(scratch.path("soft.onnx")), "-i", input});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_NE(ran.err.find("node 3 'soft' (Softmax)"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace tconv_test
