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

const std::vector<std::string> wide_layer = {"--in-channels", "128",  "--out-channels", "64",    "--in",  "24,24",
                                             "--kernel",      "4",    "--stride",       "2",     "--pad", "1",
                                             "--layout",      "nhwc", "--target",       "scalar"};

nlohmann::json explained_wide(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = wide_layer;
  arguments.insert(arguments.end(), more.begin(), more.end());
  return explained(arguments);
}

TEST(Explain, WinogradIsPermittedByItsClass) {
  const nlohmann::json standard = explained_wide({"--algorithm", "winograd"});
  EXPECT_NE(standard["variant"].get<std::string>().find("F("), std::string::npos) << standard["variant"];
  for (const auto& candidate : standard["candidates"]) {
    const std::string name = candidate["algorithm"];
    EXPECT_EQ(candidate["variant"] != "", name.find("winograd") != std::string::npos) << name << " " << candidate["variant"];
  }
  // F(3,2) x F(3,2) is the largest tile of this kernel that is as accurate as direct.
  const nlohmann::json strict = explained_wide({"--algorithm", "winograd", "--winograd", "strict"});
  EXPECT_NE(strict["variant"], standard["variant"]);
  EXPECT_LT(strict["packed_bytes"], standard["packed_bytes"]);
  const nlohmann::json off = explained_wide({"--winograd", "off"});
  for (const auto& candidate : off["candidates"]) {
    EXPECT_EQ(candidate["algorithm"].get<std::string>().find("winograd"), std::string::npos);
  }
}

TEST(Explain, WinogradKeepsToItsMemory) {
  const nlohmann::json free = explained_wide({"--algorithm", "winograd"});
  const int64_t packed = free["packed_bytes"];
  const int64_t less = packed * 3 / 4;
  EXPECT_LE(explained_wide({"--algorithm", "winograd", "--max-packed", std::to_string(less)})["packed_bytes"].get<int64_t>(), less);
  EXPECT_LE(explained_wide({"--algorithm", "winograd", "--max-workspace", "128K"})["workspace_bytes"].get<int64_t>(), 128 << 10);
}

// Weights of more points stream slowly where they fit no cache: some layers are better off with smaller tiles there.
TEST(Explain, CachesDecide) {
  int differ = 0;
  for (const char* in : {"6,6", "8,8", "12,12", "16,16"}) {
    const std::vector<std::string> layer = {"--in-channels", "128", "--out-channels", "64", "--in",     in,    "--kernel", "4",
                                            "--stride",      "2",   "--pad",          "1",  "--layout", "nhwc"};
    std::vector<std::string> embedded = layer, server = layer;
    embedded.insert(embedded.end(), {"--l2", "256K", "--l3", "1"});
    server.insert(server.end(), {"--l2", "2M", "--l3", "32M"});
    const nlohmann::json small = explained(embedded), large = explained(server);
    differ += small["algorithm"] != large["algorithm"] || small["variant"] != large["variant"] ? 1 : 0;
  }
  EXPECT_GT(differ, 0);
}

TEST(Explain, BadPlanOptionsAreRefused) {
  for (const auto& [option, value] : {std::pair{"--winograd", "exact"}, std::pair{"--max-workspace", "1x"},
                                      std::pair{"--l2", "many"}, std::pair{"--max-packed", "-1"}}) {
    std::vector<std::string> arguments = {"explain", "--in", "8,8", "--kernel", "4", option, value};
    const Ran ran = run_tconv(arguments);
    EXPECT_EQ(ran.exit_code, 2) << option;
    EXPECT_NE(ran.err.find(option), std::string::npos) << ran.err;
  }
  std::vector<std::string> impossible = {"explain", "--algorithm", "winograd", "--max-packed", "1K"};
  impossible.insert(impossible.end(), wide_layer.begin(), wide_layer.end());
  const Ran ran = run_tconv(impossible);
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_NE(ran.err.find("max_packed_bytes"), std::string::npos) << ran.err;
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
