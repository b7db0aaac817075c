// Graphs that are refused, node by node: every wrong field by its name.
#include <gtest/gtest.h>

#include "support/model_file.hpp"
#include "support/scratch.hpp"
#include "tools/graph/compile.hpp"
#include "tools/onnx/loader.hpp"
#include "tools/support/error.hpp"

namespace tconv_test {
namespace {

struct Refused {
  const char* what;
  void (*build)(ModelFile* file);
  const char* message;
};

void base(ModelFile* file, const Names& inputs = {"x", "w"}) {
  file->node("ConvTranspose", inputs, {"y"})->set_name("up");
  file->input("x", {1, 2, 4, 4});
  file->initializer("w", {2, 3, 3, 3}, std::vector<float>(54, 1.0f));
  file->output("y");
}
onnx::NodeProto* node(ModelFile* file) { return file->model.mutable_graph()->mutable_node(0); }

const Refused refusals[] = {
    {"short strides",
     [](ModelFile* f) {
       base(f);
       set(node(f), "strides", Dims{2});
     },
     "attribute strides: has 1 values, must have 2"},
    {"strides of a wrong type",
     [](ModelFile* f) {
       base(f);
       set(node(f), "strides", int64_t{2});
     },
     "attribute strides: must be a list"},
    {"stride 0",
     [](ModelFile* f) {
       base(f);
       set(node(f), "strides", Dims{2, 0});
     },
     "stride = 0"},
    {"dilation -1",
     [](ModelFile* f) {
       base(f);
       set(node(f), "dilations", Dims{-1, 1});
     },
     "dilation = -1"},
    {"four pads asked, two given",
     [](ModelFile* f) {
       base(f);
       set(node(f), "pads", Dims{1, 1});
     },
     "attribute pads: has 2 values"},
    {"negative pad",
     [](ModelFile* f) {
       base(f);
       set(node(f), "pads", Dims{0, 0, -1, 0});
     },
     "pad_end = -1"},
    {"padding that eats the output",
     [](ModelFile* f) {
       base(f);
       set(node(f), "pads", Dims{9, 0, 9, 0});
     },
     "output"},
    {"output padding of the stride",
     [](ModelFile* f) {
       base(f);
       set(node(f), "output_padding", Dims{1, 0});
     },
     "output_padding = 1"},
    {"kernel_shape unlike W",
     [](ModelFile* f) {
       base(f);
       set(node(f), "kernel_shape", Dims{3, 2});
     },
     "kernel_shape = 3x2"},
    {"group 0",
     [](ModelFile* f) {
       base(f);
       set(node(f), "group", int64_t{0});
     },
     "group = 0"},
    {"group that does not divide",
     [](ModelFile* f) {
       base(f);
       set(node(f), "group", int64_t{3});
     },
     "groups = 3"},
    {"group beyond 63 bits",
     [](ModelFile* f) {
       base(f);
       set(node(f), "group", int64_t{1} << 62);
     },
     "63 bits"},
    {"unknown auto_pad",
     [](ModelFile* f) {
       base(f);
       set(node(f), "auto_pad", std::string("SAME"));
     },
     "auto_pad = 'SAME'"},
    {"output_shape of 3",
     [](ModelFile* f) {
       base(f);
       set(node(f), "output_shape", Dims{5, 5, 5});
     },
     "output_shape: has 3 values"},
    {"output_shape 0",
     [](ModelFile* f) {
       base(f);
       set(node(f), "output_shape", Dims{0, 5});
     },
     "output_shape = 0x5"},
    {"output_shape with other channels",
     [](ModelFile* f) {
       base(f);
       set(node(f), "output_shape", Dims{1, 9, 5, 5});
     },
     "output_shape = 1x9x5x5"},
    {"unknown attribute",
     [](ModelFile* f) {
       base(f);
       set(node(f), "stride", Dims{2, 2});
     },
     "attribute stride: unknown"},
    {"one input", [](ModelFile* f) { base(f, {"x"}); }, "has 1 inputs"},
    {"W left out",
     [](ModelFile* f) {
       base(f, {"x", ""});
     },
     "input W is missing"},
    {"an input from nowhere",
     [](ModelFile* f) {
       base(f, {"x", "v"});
     },
     "input 'v' is produced by no node"},
    {"W of 3 dimensions",
     [](ModelFile* f) {
       base(f, {"x", "v"});
       f->initializer("v", {2, 3, 9}, std::vector<float>(54));
     },
     "same number of dimensions"},
    {"W of other channels",
     [](ModelFile* f) {
       base(f, {"x", "v"});
       f->initializer("v", {3, 2, 3, 3}, std::vector<float>(54));
     },
     "must be the 2 channels"},
    {"bias of a wrong length",
     [](ModelFile* f) {
       base(f, {"x", "w", "b"});
       f->initializer("b", {2}, {1, 2});
     },
     "bias B has shape 2: must be 3"},
    {"a name twice",
     [](ModelFile* f) {
       base(f);
       f->node("Relu", {"x"}, {"y"});
     },
     "produced twice"},
    {"a graph output from nowhere",
     [](ModelFile* f) {
       base(f);
       f->output("z");
     },
     "graph output 'z'"},
    {"no graph outputs",
     [](ModelFile* f) {
       base(f);
       f->model.mutable_graph()->clear_output();
     },
     "no outputs"},
    {"no operator set",
     [](ModelFile* f) {
       base(f);
       f->model.clear_opset_import();
     },
     "opset_import"},
    {"another domain",
     [](ModelFile* f) {
       base(f);
       node(f)->set_domain("com.example");
     },
     "com.example::ConvTranspose"},
    {"weights computed by a node",
     [](ModelFile* f) {
       f->node("Relu", {"w"}, {"v"});
       base(f, {"x", "v"});
     },
     "computed by another node"},
    {"integer weights",
     [](ModelFile* f) {
       base(f);
       f->model.mutable_graph()->mutable_initializer(0)->set_data_type(onnx::TensorProto::INT32);
       f->model.mutable_graph()->mutable_initializer(0)->clear_raw_data();
     },
     "INT32"},
    {"external weights",
     [](ModelFile* f) {
       base(f);
       f->model.mutable_graph()->mutable_initializer(0)->set_data_location(onnx::TensorProto::EXTERNAL);
     },
     "external data"},
    {"training",
     [](ModelFile* f) {
       base(f);
       f->model.mutable_opset_import(0)->set_version(15);
       for (const char* n : {"s", "h", "m", "v"}) f->initializer(n, {3}, {1, 1, 1});
       set(f->node("BatchNormalization", {"y", "s", "h", "m", "v"}, {"z"}), "training_mode", int64_t{1});
       f->output("z");
     },
     "training_mode = 1"},
    {"negative variance",
     [](ModelFile* f) {
       base(f);
       for (const char* n : {"s", "h", "m"}) f->initializer(n, {3}, {1, 1, 1});
       f->initializer("v", {3}, {1, -1, 1});
       f->node("BatchNormalization", {"y", "s", "h", "m", "v"}, {"z"});
       f->model.mutable_graph()->clear_output();
       f->output("z");
     },
     "var[1]"},
    {"slopes that do not fit",
     [](ModelFile* f) {
       base(f);
       f->initializer("s", {5}, {1, 1, 1, 1, 1});
       f->node("PRelu", {"y", "s"}, {"z"});
       f->output("z");
     },
     "slope has shape 5"},
    {"an addition that does not fit",
     [](ModelFile* f) {
       base(f);
       f->initializer("s", {5}, {1, 1, 1, 1, 1});
       f->node("Add", {"y", "s"}, {"z"});
       f->output("z");
     },
     "cannot be added"},
};

TEST(GraphRefusals, NameEveryWrongField) {
  for (const Refused& refused : refusals) {
    const Scratch scratch;
    ModelFile file;
    refused.build(&file);
    try {
      const tools::onnx::Model model = tools::onnx::load_model(file.save(scratch.path("m.onnx")));
      tools::graph::compile(model, {{"x", {{1, 2, 4, 4}, std::vector<float>(32), {}}}}, {});
      ADD_FAILURE() << refused.what << " was accepted";
    } catch (const tools::Error& e) {
      EXPECT_EQ(e.code(), tools::ExitCode::bad_input) << refused.what;
      EXPECT_NE(std::string(e.what()).find(refused.message), std::string::npos) << refused.what << ": " << e.what();
    }
  }
}

}  // namespace
}  // namespace tconv_test
