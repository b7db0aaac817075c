// `tconv arith` as a program: what it prints, what it writes, how it refuses.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "browser.hpp"
#include "tools/arith/json.hpp"

namespace tconv {
namespace {

struct Ran {
  int exit_code = -1;
  std::string output;
};

// Standard output, or with `errors` standard error.
Ran arith(const std::string& arguments, bool errors = false) {
  const std::string command = std::string(TCONV_PROGRAM) + " arith " + arguments + (errors ? " 2>&1 >/dev/null" : " 2>/dev/null");
  std::FILE* pipe = popen(command.c_str(), "r");
  Ran ran;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.output.append(buffer, n);
  const int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

TEST(ArithProgram, JsonIsTheWritersWithSpellings) {
  const Ran ran = arith(
      "--input 6x3 --kernel 4,3 --stride 2 --padding 1 --output-padding 0,1 --in-channels 4 --out-channels 6 --groups 2 --json");
  ASSERT_EQ(ran.exit_code, 0);
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(ran.output);
  EXPECT_EQ(json["spellings"].size(), 6u);
  json.erase("spellings");
  tools::arith::Layer layer;
  layer.axes = {{6, 4, 2, 1, 1, 1, 0}, {3, 3, 2, 1, 1, 1, 1}};
  layer.in_channels = 4;
  layer.out_channels = 6;
  layer.groups = 2;
  EXPECT_EQ(json, tools::arith::to_json(layer));
}

TEST(ArithProgram, SolvesAndListsFits) {
  const Ran list = arith("--input 8 --output 16 --json --limit 3");
  ASSERT_EQ(list.exit_code, 0);
  const auto json = nlohmann::json::parse(list.output);
  EXPECT_EQ(json["fits"][0].size(), 3u);
  EXPECT_GT(json["fits_total"][0], 3);
  const auto second = nlohmann::json::parse(arith("--input 8 --output 16 --json --fit 2").output);
  EXPECT_EQ(second["kernel"][0], json["fits"][0][1]["kernel"]);
  const auto back = nlohmann::json::parse(arith("--convolution --input 6 --kernel 3 --stride 2 --padding 1 --json").output);
  EXPECT_EQ(back["output_size"][0], 6);
  EXPECT_EQ(back["output_padding"][0], 1);
}

TEST(ArithProgram, ShortAndLongSpellingsOfOptionsAreOne) {
  const std::string expected = arith("-i 4 -k 3 -s 2 -p 1 --json").output;
  EXPECT_EQ(arith("--in 4 --kernel 3 --stride 2 --pad 1 --json").output, expected);
  EXPECT_EQ(arith("--input 4 --kernel 3 --stride 2 --padding 1 --json").output, expected);
  EXPECT_EQ(arith("--in 4 --out 7 --kernel 3 --json").output, arith("-i 4 -o 7 -k 3 --json").output);
}

// No weights are transposed by the spelling of frameworks that have no exact word: they slice.
TEST(ArithProgram, SpellingsOfPadding) {
  const auto same = nlohmann::json::parse(arith("-i 8 -k 4 -s 2 -p 1 --rank 2 --json").output)["spellings"];
  EXPECT_NE(same["tensorflow"]["code"].get<std::string>().find("padding=\"SAME\""), std::string::npos);
  EXPECT_EQ(same["tensorflow"]["note"], "");
  const auto sliced = nlohmann::json::parse(arith("-i 3 -k 3 -s 2 --pads 0,2 --json").output)["spellings"];
  EXPECT_NE(sliced["pytorch"]["code"].get<std::string>().find("padding=(0,), output_padding=(0,)"), std::string::npos);
  EXPECT_NE(sliced["pytorch"]["code"].get<std::string>().find("[..., 0:5]"), std::string::npos);
  const auto hidden = nlohmann::json::parse(arith("-i 3 -k 3 -s 2 --pads 1,0 --json").output)["spellings"];
  EXPECT_NE(hidden["pytorch"]["code"].get<std::string>().find("padding=(1,), output_padding=(1,)"), std::string::npos);
  EXPECT_EQ(hidden["pytorch"]["note"], "");
}

TEST(ArithProgram, RefusesInOneLineAndWritesNothing) {
  const TemporaryFolder folder;
  const std::string svg = " --svg " + folder.path("p.svg") + " --html " + folder.path("p.html");
  for (const auto& [arguments, code] : {std::pair("-i 4 -k 0", 3),
                                        {"-i 4 -k 3 -p 3", 3},
                                        {"-i 4 -k 3 -s 2 -a 2", 3},
                                        {"-i 4 -k 3 -s 2 -p 1 -o 20", 3},
                                        {"-k 3", 3},
                                        {"-i 40 -k 3", 3},
                                        {"-i 8 -o 16", 3},
                                        {"-i 4 -k 3 --at 6", 3},
                                        {"-i 4 -k 3 --axis 1", 2},
                                        {"-i 4,4 -k 3,3,3", 2},
                                        {"-i x -k 3", 2},
                                        {"-i 4 -k 3 --pads 1", 2},
                                        {"-i 4 -k 3 --auto-pad same", 2},
                                        {"--nonsense", 2}}) {
    const Ran ran = arith(arguments + svg, true);
    EXPECT_EQ(ran.exit_code, code) << arguments << ": " << ran.output;
    EXPECT_EQ(std::count(ran.output.begin(), ran.output.end(), '\n'), 1) << arguments << ": " << ran.output;
    EXPECT_FALSE(std::filesystem::exists(folder.path("p.svg"))) << arguments;
    EXPECT_FALSE(std::filesystem::exists(folder.path("p.html"))) << arguments;
  }
  EXPECT_EQ(arith("-i 4 -k 3 --svg " + folder.path("none/p.svg"), true).exit_code, 4);
  EXPECT_EQ(arith("-i 4 -k 3" + svg).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder.path("p.svg")));
  EXPECT_TRUE(std::filesystem::exists(folder.path("p.html")));
}

}  // namespace
}  // namespace tconv
