#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/program.hpp"
#include "tconv/targets.hpp"

namespace tconv_test {
namespace {

TEST(Info, NamesEveryTargetAndTheChosenOne) {
  const Ran ran = run_tconv({"info", "--json"}, 0, {"TCONV_TARGET="});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const nlohmann::json json = nlohmann::json::parse(ran.out);
  tconv::Target best = tconv::Target::scalar;
  size_t i = 0;
  for (tconv::Target t : tconv::all_targets) {
    if (tconv::target_supported(t)) best = t;
    EXPECT_EQ(json["targets"][i]["name"], tconv::target_name(t));
    EXPECT_EQ(json["targets"][i]["compiled"], tconv::target_compiled(t));
    EXPECT_EQ(json["targets"][i++]["supported"], tconv::target_supported(t));
  }
  EXPECT_EQ(json["targets"].size(), i);
  EXPECT_EQ(json["chosen"], tconv::target_name(best));
}

TEST(Info, TheEnvironmentForcesATarget) {
  const Ran ran = run_tconv({"info", "--json"}, 0, {"TCONV_TARGET=scalar"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(nlohmann::json::parse(ran.out)["chosen"], "scalar");
}

TEST(Info, AnUnknownTargetIsRefused) {
  const Ran ran = run_tconv({"info"}, 0, {"TCONV_TARGET=mmx"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_NE(ran.err.find("TCONV_TARGET = mmx"), std::string::npos) << ran.err;
}

TEST(Info, EveryVerbHasHelpWithExamples) {
  for (const char* verb : {"info", "explain", "run", "check", "upscale"}) {
    const Ran ran = run_tconv({verb, "--help"});
    EXPECT_EQ(ran.exit_code, 0) << verb;
    EXPECT_NE(ran.out.find("Examples:"), std::string::npos) << verb;
    EXPECT_TRUE(ran.err.empty()) << ran.err;
  }
  EXPECT_NE(run_tconv({"--help"}).out.find("Exit codes"), std::string::npos);
}

}  // namespace
}  // namespace tconv_test
