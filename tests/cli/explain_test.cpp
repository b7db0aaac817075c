// `tconv explain --json` against numbers counted one by one.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/model_file.hpp"
#include "support/program.hpp"
#include "support/scratch.hpp"

namespace tconv_test {
namespace {

nlohmann::json explained(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"explain", "--json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Ran ran = run_tconv(all);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  return nlohmann::json::parse(ran.out);
}

// Products of the definition that land inside the output of one axis.
int64_t products(int64_t input, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad, int64_t output) {
  int64_t n = 0;
  for (int64_t i = 0; i < input; ++i) {
    for (int64_t t = 0; t < kernel; ++t) {
      const int64_t o = stride * i + dilation * t - pad;
      n += o >= 0 && o < output ? 1 : 0;
    }
  }
  return n;
}

TEST(Explain, CountsAreThoseOfTheDefinition) {
  const nlohmann::json json = explained({"--in", "7,5", "--kernel", "4,3", "--stride", "2,3", "--pad", "1,2", "--dilation", "1,2",
                                         "--in-channels", "6", "--out-channels", "4", "--groups", "2", "--batch", "3"});
  const int64_t height = 2 * 6 + 3 + 1 - 2;
  const int64_t width = 3 * 4 + 2 * 2 + 1 - 4;
  EXPECT_EQ(json["input_shape"], (std::vector<int64_t>{3, 6, 7, 5}));
  EXPECT_EQ(json["output_shape"], (std::vector<int64_t>{3, 4, height, width}));
  const int64_t per_pair = products(7, 4, 2, 1, 1, height) * products(5, 3, 3, 2, 2, width);
  EXPECT_EQ(json["multiplications"], 3 * 6 * (4 / 2) * per_pair);
  EXPECT_EQ(json["input_bytes"], 4 * 3 * 6 * 7 * 5);
  EXPECT_EQ(json["output_bytes"], 4 * 3 * 4 * height * width);
  EXPECT_EQ(json["weight_bytes"], 4 * 6 * 2 * 12);
  EXPECT_GT(json["zero_insertion_multiplications"], json["multiplications"]);
  // Every output of an axis belongs to one phase; the taps of all phases are the kernel.
  for (const auto& [axis, size, taps] : {std::tuple{0, height, 4}, std::tuple{1, width, 3}}) {
    int64_t outputs = 0;
    int64_t sum = 0;
    for (const auto& phase : json["axes"][static_cast<size_t>(axis)]["phases"]) {
      outputs += phase["outputs"].get<int64_t>();
      sum += phase["taps"].get<int64_t>();
    }
    EXPECT_EQ(outputs, size);
    EXPECT_EQ(sum, taps);
  }
}

TEST(Explain, AForcedTargetAndAlgorithmAreUsed) {
  const nlohmann::json json = explained({"--in", "8,8", "--kernel", "4", "--stride", "2", "--pad", "1", "--target", "scalar"});
  EXPECT_EQ(json["target"], "scalar");
  for (const auto& candidate : json["candidates"]) {
    const std::string name = candidate["algorithm"];
    EXPECT_EQ(explained({"--in", "8,8", "--kernel", "4", "--stride", "2", "--pad", "1", "--algorithm", name})["algorithm"], name);
  }
}

TEST(Explain, MeasuredWaysAgree) {
  for (const char* layout : {"nchw", "nhwc"}) {
    const nlohmann::json json = explained({"--in",
                                           "5,6",
                                           "--kernel",
                                           "5,3",
                                           "--stride",
                                           "3,2",
                                           "--pad",
                                           "1",
                                           "--output-padding",
                                           "1",
                                           "--in-channels",
                                           "4",
                                           "--out-channels",
                                           "6",
                                           "--groups",
                                           "2",
                                           "--batch",
                                           "2",
                                           "--layout",
                                           layout,
                                           "--measure",
                                           "--repeat",
                                           "2"});
    EXPECT_LE(json["measured"]["largest_difference"], json["measured"]["tolerance"]);
    EXPECT_GT(json["measured"]["phases_seconds"], 0);
    // i~ = s (i - 1) + 1 + op on both axes.
    EXPECT_EQ(json["measured"]["stretched_input_bytes"], 4 * 2 * 4 * (3 * 4 + 2) * (2 * 5 + 2));
  }
}

TEST(Explain, ModelsWithDynamicSizesNeedAShape) {
  const Scratch scratch;
  ModelFile file;
  set(file.node("ConvTranspose", {"x", "w"}, {"c"}), "strides", Dims{2});
  file.node("Relu", {"c"}, {"y"});
  file.input("x", {-1, 2, -1});
  file.initializer("w", {2, 3, 2}, std::vector<float>(12, 1.0f));
  file.output("y");
  const std::string model = file.save(scratch.path("m.onnx"));
  const Ran refused = run_tconv({"explain", model});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.err.find("--input-shape x="), std::string::npos) << refused.err;
  const nlohmann::json json = explained({model, "--input-shape", "1,2,9"});
  ASSERT_EQ(json["layers"].size(), 1u);
  EXPECT_EQ(json["layers"][0]["output_shape"], (std::vector<int64_t>{1, 3, 18}));
  EXPECT_EQ(json["layers"][0]["activation"], "relu");
  EXPECT_EQ(explained({model, "--input-shape", "x=1,2,9"}), json);
}

TEST(Explain, TextNamesWhatMatters) {
  const Ran ran = run_tconv({"explain", "--in", "16,16", "--kernel", "4", "--stride", "2", "--pad", "1"});
  EXPECT_EQ(ran.exit_code, 0);
  for (const char* word : {"phase 1:", "4 phases in all", "algorithm:", "why:", "zero insertion:", "workspace"}) {
    EXPECT_NE(ran.out.find(word), std::string::npos) << word << "\n" << ran.out;
  }
}

}  // namespace
}  // namespace tconv_test
