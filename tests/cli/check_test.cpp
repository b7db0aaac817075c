#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "support/model_file.hpp"
#include "support/program.hpp"
#include "support/scratch.hpp"
#include "tconv/targets.hpp"

namespace tconv_test {
namespace {

constexpr const char* onnx_data = "/usr/share/libonnx-testdata/data";

#define REQUIRE_ONNX_DATA() \
  if (!std::filesystem::exists(onnx_data)) GTEST_SKIP() << "package libonnx-testdata is not installed"

// ONNX's own cases: 10 of node, 2 of pytorch-converted, 1 of pytorch-operator.
TEST(Check, AllConvTransposeCasesOfOnnxOnAllTargetsAndLayouts) {
  REQUIRE_ONNX_DATA();
  const Ran ran = run_tconv({"check", onnx_data, "--filter", "convtranspose", "--all-targets", "--layout", "both"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_EQ(last_line(ran.out), "13 passed, 0 failed") << ran.out;
  for (tconv::Target t : tconv::all_targets) {
    for (const char* layout : {" nchw", " nhwc"}) {
      EXPECT_EQ(ran.out.find(tconv::target_name(t) + std::string(layout)) != std::string::npos, tconv::target_supported(t))
          << tconv::target_name(t) << layout;
    }
  }
}

TEST(Check, TheSameCasesWithinOnnxsOwnTolerances) {
  REQUIRE_ONNX_DATA();
  const Ran ran = run_tconv(
      {"check", onnx_data, "--filter", "convtranspose", "--rtol", "1e-3", "--atol", "1e-7", "--threads", "2", "--no-fusion"});
  EXPECT_EQ(last_line(ran.out), "13 passed, 0 failed") << ran.out;
}

TEST(Check, OnnxsCasesOfTheOtherOperators) {
  REQUIRE_ONNX_DATA();
  for (const char* name : {"test_relu", "test_leakyrelu", "test_leakyrelu_default", "test_prelu_broadcast", "test_prelu_example",
                           "test_sigmoid", "test_tanh", "test_clip", "test_clip_default_inbounds", "test_clip_default_min",
                           "test_clip_splitbounds", "test_elu", "test_elu_default", "test_add", "test_add_bcast",
                           "test_batchnorm_example", "test_batchnorm_epsilon", "test_identity", "test_constant"}) {
    const std::string folder = std::string(onnx_data) + "/node/" + name;
    ASSERT_TRUE(std::filesystem::exists(folder)) << folder;
    const Ran ran = run_tconv({"check", folder, "--all-targets"});
    EXPECT_EQ(last_line(ran.out), "1 passed, 0 failed") << ran.out;
  }
}

// A case of a model with one output, y = x * 2 (a 1-D transposed convolution with one tap).
class CheckCase : public testing::Test {
 protected:
  std::string make_case(const std::string& name, const std::vector<float>& expected, const Dims& shape = {1, 1, 3}) {
    const std::string folder = scratch.make_folder(name);
    scratch.make_folder(name + "/test_data_set_0");
    ModelFile model;
    model.node("ConvTranspose", {"x", "w"}, {"y"});
    model.input("x", {1, 1, 3});
    model.initializer("w", {1, 1, 1}, {2});
    model.output("y");
    model.save(folder + "/model.onnx");
    write_text(folder + "/test_data_set_0/input_0.pb", tensor_proto("", {1, 1, 3}, {1, -2, 3}).SerializeAsString());
    write_text(folder + "/test_data_set_0/output_0.pb", tensor_proto("y", shape, expected).SerializeAsString());
    return folder;
  }
  void expect_failure(const std::vector<std::string>& arguments, const std::string& reason) {
    const Ran ran = run_tconv(arguments);
    EXPECT_EQ(ran.exit_code, 1) << ran.out;
    EXPECT_NE(ran.out.find("FAIL"), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find(reason), std::string::npos) << ran.out;
    EXPECT_EQ(last_line(ran.out).find("0 passed, 1 failed"), 0u) << ran.out;
  }
  Scratch scratch;
};

TEST_F(CheckCase, CountsAndExitCodes) {
  make_case("a/good", {2, -4, 6});
  EXPECT_EQ(run_tconv({"check", scratch.folder()}).exit_code, 0);
  make_case("b/bad", {2, -4, 7});
  const Ran ran = run_tconv({"check", scratch.folder()});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(last_line(ran.out), "1 passed, 1 failed");
  EXPECT_NE(ran.out.find("PASS " + scratch.path("a/good")), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("1 of 3 elements differ; worst: [0,0,2] is 6, expected 7"), std::string::npos) << ran.out;
  EXPECT_EQ(run_tconv({"check", scratch.folder(), "--filter", "A/GOOD"}).exit_code, 0);
  EXPECT_EQ(run_tconv({"check", scratch.folder(), "--filter", "*/good"}).exit_code, 0);
  EXPECT_EQ(run_tconv({"check", scratch.folder(), "--filter", "nothing"}).exit_code, 3);
}

TEST_F(CheckCase, SaysWhatWentWrong) {
  expect_failure({"check", make_case("shape", {2, -4, 6}, {1, 3})}, "shape 1x1x3, expected 1x3");
  expect_failure({"check", make_case("nan", {2, -4, std::nanf("")})}, "expected nan");
  const std::string cut = make_case("cut", {2, -4, 6});
  write_text(cut + "/test_data_set_0/input_0.pb", "\x08");
  expect_failure({"check", cut}, "input_0.pb");
  const std::string missing = make_case("missing", {2, -4, 6});
  std::filesystem::remove(missing + "/test_data_set_0/output_0.pb");
  expect_failure({"check", missing}, "0 output_*.pb");
  const std::string none = make_case("none", {2, -4, 6});
  std::filesystem::remove_all(none + "/test_data_set_0");
  expect_failure({"check", none}, "no test_data_set_*");
  const std::string broken = make_case("broken", {2, -4, 6});
  write_text(broken + "/model.onnx", "nonsense");
  expect_failure({"check", broken}, "model.onnx");
}

TEST_F(CheckCase, Tolerances) {
  const std::string folder = make_case("near", {2.002f, -4, 6});
  EXPECT_EQ(run_tconv({"check", folder, "--rtol", "1e-2"}).exit_code, 0);
  EXPECT_EQ(run_tconv({"check", folder, "--rtol", "0", "--atol", "0.01"}).exit_code, 0);
  EXPECT_EQ(run_tconv({"check", folder, "--rtol", "1e-4"}).exit_code, 1);
  EXPECT_EQ(run_tconv({"check", folder, "--rtol", "0", "--atol", "0"}).exit_code, 1);
}

// The derived bound widens the tolerance by what rounding can do, and by no more: sums of 4000 terms that cancel.
TEST_F(CheckCase, TheDerivedBoundIsTight) {
  const int64_t terms = 4000;
  ModelFile model;
  model.node("ConvTranspose", {"x", "w"}, {"y"});
  model.input("x", {1, terms, 1});
  std::mt19937_64 random(3);
  const std::vector<float> x = random_floats(&random, terms);
  std::vector<float> w = random_floats(&random, terms);
  double sum = 0;
  for (size_t i = 0; i + 1 < x.size(); ++i) sum += double{x[i]} * double{w[i]};
  w.back() = static_cast<float>(-sum / double{x.back()});  // the sum is nearly 0 now
  sum += double{x.back()} * double{w.back()};
  double magnitude = 0;
  for (size_t i = 0; i < x.size(); ++i) magnitude += std::fabs(double{x[i]} * double{w[i]});
  model.initializer("w", {terms, 1, 1}, w);
  model.output("y");
  for (double error : {0.0, 1e-4 * magnitude}) {
    const std::string folder = scratch.make_folder(error == 0 ? "right" : "wrong");
    const std::string set = scratch.make_folder(error == 0 ? "right/test_data_set_0" : "wrong/test_data_set_0");
    model.save(folder + "/model.onnx");
    write_text(set + "/input_0.pb", tensor_proto("x", {1, terms, 1}, x).SerializeAsString());
    write_text(set + "/output_0.pb", tensor_proto("y", {1, 1, 1}, {static_cast<float>(sum + error)}).SerializeAsString());
    EXPECT_EQ(run_tconv({"check", folder}).exit_code, error == 0 ? 0 : 1) << run_tconv({"check", folder}).out;
  }
}

TEST_F(CheckCase, FoldersThatAreNone) {
  EXPECT_EQ(run_tconv({"check", scratch.path("nowhere")}).exit_code, 3);
  EXPECT_EQ(run_tconv({"check", scratch.folder()}).exit_code, 3) << "an empty folder holds no case";
  EXPECT_EQ(run_tconv({"check", scratch.file("file", "x")}).exit_code, 3);
}

}  // namespace
}  // namespace tconv_test
