// Everything that can be wrong with what a user gives: an exit code, one line that names the file and the reason, no output file.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "support/model_file.hpp"
#include "support/program.hpp"
#include "support/scratch.hpp"

#if defined(__SANITIZE_ADDRESS__)
constexpr bool address_space_can_be_limited = false;  // the sanitizer reserves terabytes
#else
constexpr bool address_space_can_be_limited = true;
#endif

namespace tconv_test {
namespace {

constexpr int wrong_command_line = 2, wrong_input = 3, not_written = 4;

// y = ConvTranspose(x [1, 2, 4, 4], w [2, 3, 3, 3]), stride 2.
ModelFile small_model() {
  ModelFile model;
  onnx::NodeProto* node = model.node("ConvTranspose", {"x", "w"}, {"y"});
  node->set_name("up");
  set(node, "strides", Dims{2, 2});
  model.input("x", {1, 2, 4, 4});
  model.initializer("w", {2, 3, 3, 3}, std::vector<float>(54, 0.5f));
  model.output("y");
  return model;
}

std::string small_input() { return npy_bytes({1, 2, 4, 4}, "<f4", raw(std::vector<float>(32, 1.0f))); }

// A black grey picture of 4 x 4, 8 bits, byte by byte: the reader must not be tested with its own writer. The pixels are one
// stored deflate block of four rows of (filter 0, four zeros).
std::string small_png() {
  const std::string signature("\x89PNG\r\n\x1a\n", 8);
  const std::string header("\0\0\0\x0dIHDR\0\0\0\4\0\0\0\4\x08\0\0\0\0\x8c\x9a\xc1\xa2", 25);
  const std::string pixels = std::string("\0\0\0\x1fIDAT\x78\x01\x01\x14\0\xeb\xff", 15) + std::string(20, '\0') +
                             std::string("\0\x14\0\1\x0f\x23\x31\xa2", 8);
  const std::string end("\0\0\0\0IEND\xae\x42\x60\x82", 12);
  return signature + header + pixels + end;
}

class BadInput : public testing::Test {
 protected:
  // Runs, and expects the code, one line on stderr with all of `parts`, and no file but those that were there before.
  void expect(const std::vector<std::string>& arguments, int code, const std::vector<std::string>& parts,
              uint64_t address_space = 0) {
    const Names before = scratch.names();
    const Ran ran = run_tconv(arguments, address_space);
    std::string command;
    for (const std::string& argument : arguments) command += " " + argument;
    EXPECT_EQ(ran.exit_code, code) << command << "\n" << ran.err << ran.out;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << command << "\n" << ran.err;
    EXPECT_EQ(ran.err.rfind("tconv: ", 0), 0u) << ran.err;
    for (const std::string& part : parts)
      EXPECT_NE(ran.err.find(part), std::string::npos) << command << "\n" << part << " not in: " << ran.err;
    EXPECT_EQ(scratch.names(), before) << command << " left a file behind";
  }
  void expect_run(const std::string& model, const std::string& input, const std::vector<std::string>& parts) {
    expect({"run", model, "-i", input, "-o", scratch.path("y.npy")}, wrong_input, parts);
  }

  Scratch scratch;
  std::string model = small_model().save(scratch.path("model.onnx"));
  std::string input = scratch.file("x.npy", small_input());
};

TEST_F(BadInput, TheGoodCaseIsGood) {
  const Ran ran = run_tconv({"run", model, "-i", input, "-o", scratch.path("y.npy")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(scratch.names(), (Names{"model.onnx", "x.npy", "y.npy"}));
}

TEST_F(BadInput, CommandLine) {
  expect({}, wrong_command_line, {"subcommand"});
  expect({"unknown"}, wrong_command_line, {"unknown"});
  expect({"run"}, wrong_command_line, {"MODEL"});
  expect({"run", model, "--threads", "0"}, wrong_command_line, {"--threads"});
  expect({"run", model, "--threads", "many"}, wrong_command_line, {"--threads"});
  expect({"run", model, "--repeat", "0"}, wrong_command_line, {"--repeat"});
  expect({"run", model, "--repeat", "-3"}, wrong_command_line, {"--repeat"});
  expect({"run", model, "--target", "mmx"}, wrong_command_line, {"--target"});
  expect({"run", model, "--layout", "nwhc"}, wrong_command_line, {"--layout"});
  expect({"run", model, "--frobnicate"}, wrong_command_line, {"--frobnicate"});
  expect({"run", model, "-i", input, "-o", scratch.path("y.txt")}, wrong_command_line, {"y.txt", ".npy"});
  expect({"run", model, "-i", input, "-o", scratch.path("y.npy"), "-o", scratch.path("z.npy")}, wrong_command_line,
         {"--output", "1 outputs"});
  expect({"upscale", "a.png", "b.png", "--scale", "1"}, wrong_command_line, {"--scale"});
  expect({"upscale", "a.png", "b.png", "--scale", "9"}, wrong_command_line, {"--scale"});
  expect({"upscale", "a.png", "b.png", "--filter", "sinc"}, wrong_command_line, {"--filter"});
  expect({"upscale", "a.png"}, wrong_command_line, {"OUT"});
  expect({"check"}, wrong_command_line, {"DIR"});
  expect({"check", scratch.folder(), "--rtol", "-1"}, wrong_command_line, {"--rtol"});
  expect({"check", scratch.folder(), "--layout", "all"}, wrong_command_line, {"--layout"});
  expect({"explain"}, wrong_command_line, {"--in"});
  expect({"explain", "--in", "4"}, wrong_command_line, {"--kernel"});
  expect({"explain", "--in", "4,x", "--kernel", "3"}, wrong_command_line, {"--in = 4,x"});
  expect({"explain", "--in", "4,4", "--kernel", "3,3,3"}, wrong_command_line, {"--kernel = 3,3,3"});
  expect({"explain", "--in", "4,4,4,4", "--kernel", "3"}, wrong_command_line, {"--in = 4,4,4,4"});
  expect({"explain", "--in", "99999999999999999999", "--kernel", "3"}, wrong_command_line, {"--in"});
}

TEST_F(BadInput, LayersThatCannotBe) {
  const auto layer = [&](std::vector<std::string> extra, const std::vector<std::string>& parts) {
    std::vector<std::string> arguments = {"explain", "--in", "4,4", "--kernel", "3"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    expect(arguments, wrong_input, parts);
  };
  layer({"--stride", "0"}, {"stride", "0"});
  layer({"--stride", "2,-1"}, {"stride", "-1"});
  layer({"--dilation", "0"}, {"dilation"});
  layer({"--pad", "-1"}, {"pad_begin", "-1"});
  layer({"--pad", "3"}, {"output"});
  layer({"--output-padding", "1"}, {"output_padding"});
  layer({"--groups", "2"}, {"groups"});
  layer({"--in-channels", "0"}, {"in_channels", "0"});
  layer({"--batch", "9223372036854775807"}, {"63 bits"});
  expect({"explain", "--in", "4,4", "--kernel", "0"}, wrong_input, {"kernel"});
  expect({"explain", "--in", "0,4", "--kernel", "3"}, wrong_input, {"input"});
}

TEST_F(BadInput, ModelFiles) {
  expect_run(scratch.path("none.onnx"), input, {"none.onnx", "No such file"});
  expect_run(scratch.folder(), input, {scratch.folder(), "folder"});
  expect_run(scratch.file("empty.onnx", ""), input, {"empty.onnx", "empty"});
  expect_run(scratch.file("text.onnx", "this is not a model, is it?\n"), input, {"text.onnx"});
  expect_run(input, input, {"x.npy"});
}

// Cut anywhere, a model is refused or (where the cut falls between fields that nobody needs) still right; it never crashes.
TEST_F(BadInput, TruncatedModels) {
  const std::string whole = small_model().bytes();
  for (size_t size = 1; size < whole.size(); size += size < 64 || size + 16 > whole.size() ? 1 : 7) {
    const std::string cut = scratch.file("cut.onnx", whole.substr(0, size));
    const Ran ran = run_tconv({"run", cut, "-i", input});
    EXPECT_EQ(ran.exit_code, wrong_input) << size << " of " << whole.size() << " bytes: " << ran.err << ran.out;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
}

// Single flipped bits may give another valid model; they must not give a crash.
TEST_F(BadInput, DamagedModels) {
  const std::string whole = small_model().bytes();
  std::mt19937_64 random(7);
  for (int round = 0; round < 150; ++round) {
    std::string damaged = whole;
    const size_t at = std::uniform_int_distribution<size_t>(0, 120)(random);  // the structure; the weights lie behind
    damaged[at] = static_cast<char>(damaged[at] ^ 1 << std::uniform_int_distribution<int>(0, 7)(random));
    const Ran ran = run_tconv({"run", scratch.file("damaged.onnx", damaged), "-i", input});
    EXPECT_TRUE(ran.exit_code == 0 || ran.exit_code == wrong_input || ran.exit_code == wrong_command_line)
        << "seed 7, round " << round << ", byte " << at << ": exit code " << ran.exit_code << " " << ran.err;
  }
}

TEST_F(BadInput, Tensors) {
  expect_run(model, scratch.path("none.npy"), {"none.npy", "No such file"});
  expect_run(model, scratch.make_folder("dir.npy"), {"dir.npy", "folder"});
  expect_run(model, scratch.file("cut.npy", small_input().substr(0, 100)), {"cut.npy"});
  expect_run(model, scratch.file("int.npy", npy_bytes({1, 2, 4, 4}, "<i4", std::string(128, 'x'))), {"int.npy", "<i4"});
  expect_run(model,
             scratch.file("cut.pb", tensor_proto("x", {1, 2, 4, 4}, std::vector<float>(32)).SerializeAsString().substr(0, 90)),
             {"cut.pb", "truncated"});
  onnx::TensorProto integers;
  integers.set_data_type(onnx::TensorProto::INT32);
  integers.add_dims(1);
  integers.add_int32_data(5);
  expect_run(model, scratch.file("int.pb", integers.SerializeAsString()), {"int.pb", "INT32"});
}

TEST_F(BadInput, InputsThatDoNotFit) {
  expect({"run", model, "-o", scratch.path("y.npy")}, wrong_input, {"'x'", "missing"});
  expect({"run", model, "-i", input, "-i", input, "-i", input}, wrong_input, {"3 tensors"});
  expect({"run", model, "-i", "x=" + input, "-i", "x=" + input}, wrong_input, {"'x'", "twice"});
  expect_run(model, scratch.file("z.npy", npy_bytes({1, 2, 4}, "<f4", raw(std::vector<float>(8)))), {"'x'", "1x2x4"});
  expect_run(model, scratch.file("z.npy", npy_bytes({1, 3, 4, 4}, "<f4", raw(std::vector<float>(48)))), {"'x'", "dimension 1"});
}

TEST_F(BadInput, Outputs) {
  expect({"run", model, "-i", input, "-o", scratch.path("none/y.npy")}, not_written, {"none"});
  expect({"run", model, "-i", input, "-o", scratch.make_folder("dir.npy")}, not_written, {"dir.npy", "folder"});
  expect({"run", model, "-i", input, "-o", input + "/y.npy"}, not_written, {"y.npy"});
  expect({"upscale", scratch.file("p.png", small_png()), scratch.path("none/out.png")}, not_written, {"none"});
  expect({"upscale", scratch.path("p.png"), scratch.path("dir.npy")}, not_written, {"dir.npy", "folder"});
}

TEST_F(BadInput, AFullDevice) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  symlink("/dev/full", scratch.path("full.npy").c_str());
  expect({"run", model, "-i", input, "-o", scratch.path("full.npy")}, not_written, {"No space"});
  symlink("/dev/full", scratch.path("full.png").c_str());
  expect({"upscale", scratch.file("p.png", small_png()), scratch.path("full.png")}, not_written, {"full.png"});
}

TEST_F(BadInput, AFolderThatMayNotBeWritten) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const std::string locked = scratch.make_folder("locked");
  chmod(locked.c_str(), 0555);
  expect({"run", model, "-i", input, "-o", locked + "/y.npy"}, not_written, {"locked", "denied"});
}

TEST_F(BadInput, AnOldOutputSurvivesAFailure) {
  const std::string old = scratch.file("y.npy", "precious");
  expect({"run", model, "-i", scratch.file("cut.npy", small_input().substr(0, 100)), "-o", old}, wrong_input, {"cut.npy"});
  EXPECT_EQ(read_text(old), "precious");
}

TEST_F(BadInput, Pictures) {
  const std::string png = small_png();
  const std::string out = scratch.path("out.png");
  ASSERT_EQ(run_tconv({"upscale", scratch.file("good.png", png), scratch.path("good_out.png")}).exit_code, 0);
  expect({"upscale", scratch.path("none.png"), out}, wrong_input, {"none.png", "No such file"});
  expect({"upscale", scratch.folder(), out}, wrong_input, {"folder"});
  expect({"upscale", scratch.file("empty.png", ""), out}, wrong_input, {"empty.png", "not a PNG"});
  expect({"upscale", input, out}, wrong_input, {"x.npy", "not a PNG"});
  for (size_t size = 8; size < png.size(); ++size) {
    const Ran ran = run_tconv({"upscale", scratch.file("cut.png", png.substr(0, size)), out});
    EXPECT_EQ(ran.exit_code, wrong_input) << size << " bytes: " << ran.err;
    EXPECT_NE(ran.err.find("cut.png"), std::string::npos) << ran.err;
  }
  std::string damaged = png;
  damaged[50] = static_cast<char>(damaged[50] ^ 1);
  expect({"upscale", scratch.file("damaged.png", damaged), out}, wrong_input, {"damaged.png", "broken PNG"});
}

// Claims of a GiB in small files: refused from the sizes alone, in a process that could not map that much.
class HugeClaims : public BadInput {
 protected:
  void SetUp() override {
    if (!address_space_can_be_limited) GTEST_SKIP() << "AddressSanitizer needs the address space";
  }
  void refuse(const std::vector<std::string>& arguments, const std::vector<std::string>& parts) {
    expect(arguments, wrong_input, parts, uint64_t{640} << 20);
  }
};

TEST_F(HugeClaims, Weights) {
  ModelFile claims = small_model();
  onnx::TensorProto* w = claims.model.mutable_graph()->mutable_initializer(0);
  w->set_dims(0, 1 << 14);
  w->set_dims(1, 1 << 14);
  w->set_dims(2, 1);
  w->set_dims(3, 1);
  refuse({"run", claims.save(scratch.path("claims.onnx")), "-i", input}, {"claims.onnx", "'w'", "1073741824"});
  w->clear_raw_data();
  refuse({"run", claims.save(scratch.path("claims.onnx")), "-i", input}, {"claims.onnx", "'w'", "268435456"});
  w->set_dims(0, int64_t{1} << 62);
  refuse({"run", claims.save(scratch.path("claims.onnx")), "-i", input}, {"claims.onnx", "'w'", "63 bits"});
  w->set_dims(0, -1);
  refuse({"run", claims.save(scratch.path("claims.onnx")), "-i", input}, {"claims.onnx", "'w'", "negative"});
}

TEST_F(HugeClaims, LengthsInTheFile) {
  // Field 7 (graph) of 1 GiB, in a file that ends there.
  refuse({"run", scratch.file("claims.onnx", std::string("\x3a\x80\x80\x80\x80\x04", 6) + std::string(1000, 'x')), "-i", input},
         {"claims.onnx"});
}

TEST_F(HugeClaims, Attributes) {
  for (const auto& [name, values] : std::vector<std::pair<std::string, Dims>>{{"strides", {1 << 13, 1 << 13}},
                                                                              {"output_shape", {1 << 14, 1 << 14}},
                                                                              {"dilations", {1 << 13, 1 << 13}},
                                                                              {"strides", {int64_t{1} << 40, int64_t{1} << 40}}}) {
    ModelFile claims;
    set(claims.node("ConvTranspose", {"x", "w"}, {"y"}), name, values);
    claims.input("x", {1, 2, 4, 4});
    claims.initializer("w", {2, 3, 3, 3}, std::vector<float>(54, 0.5f));
    claims.output("y");
    refuse({"run", claims.save(scratch.path("claims.onnx")), "-i", input}, {"claims.onnx", "ConvTranspose"});
  }
}

// One channel, so that the result itself is a GiB to the byte.
TEST_F(HugeClaims, AResultOfOneGiB) {
  ModelFile claims;
  set(claims.node("ConvTranspose", {"x", "w"}, {"y"}), "output_shape", Dims{1 << 14, 1 << 14});
  claims.input("x", {1, 2, 4, 4});
  claims.initializer("w", {2, 1, 1, 1}, {1, 2});
  claims.output("y");
  refuse({"run", claims.save(scratch.path("claims.onnx")), "-i", input}, {"claims.onnx", "--memory-limit"});
}

TEST_F(HugeClaims, TensorsAndPictures) {
  refuse({"run", model, "-i", scratch.file("big.npy", npy_bytes({1 << 28}, "<f4", "1234"))}, {"big.npy", "1073741824"});
  std::string png = small_png();
  png.replace(16, 8, std::string("\0\0\x80\0\0\0\x80\0", 8));  // 32768 x 32768: a GiB
  png.replace(29, 4, "\xe1\x17\xfc\xa3");                      // the right checksum for that
  refuse({"upscale", scratch.file("big.png", png), scratch.path("out.png")}, {"big.png", "claims 32768 x 32768"});
}

}  // namespace
}  // namespace tconv_test
