// Graphs: random chains fused and unfused against an evaluation node by node in double precision; edges of single operators.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "support/model_file.hpp"
#include "support/oracle.hpp"
#include "support/scratch.hpp"
#include "tools/graph/compile.hpp"
#include "tools/onnx/loader.hpp"

namespace tconv_test {
namespace {

using tools::graph::CompileOptions;
using tools::graph::Program;

struct Evaluated {
  Dims shape;
  std::vector<double> y;
};

int64_t channel_of(const Dims& shape, size_t i) {
  int64_t inner = 1;
  for (size_t a = 2; a < shape.size(); ++a) inner *= shape[a];
  return static_cast<int64_t>(i) / inner % shape[1];
}

// A chain under construction: the file, and what its last value must be.
struct Chain {
  ModelFile file;
  Evaluated value;
  std::string last = "x";
  int nodes = 0;

  std::string next() { return last = "v" + std::to_string(nodes++); }
  std::string parameter(const Dims& dims, const std::vector<float>& values) {
    const std::string name = "p" + std::to_string(nodes) + "_" + std::to_string(file.model.graph().initializer_size());
    file.initializer(name, dims, values);
    return name;
  }
  template <typename F>
  void each(F f) {
    for (size_t i = 0; i < value.y.size(); ++i) value.y[i] = f(value.y[i], channel_of(value.shape, i));
  }
};

void add_conv_transpose(Chain* chain, std::mt19937_64* random) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int64_t>(low, high)(*random); };
  tconv::Description d;
  d.rank = static_cast<int>(chain->value.shape.size()) - 2;
  d.batch = chain->value.shape[0];
  d.in_channels = chain->value.shape[1];
  d.out_channels = 2 * pick(1, 3);
  d.groups = d.in_channels % 2 == 0 ? pick(1, 2) : 1;
  Dims strides, w_shape = {d.in_channels, d.out_channels / d.groups};
  for (int a = 0; a < d.rank; ++a) {
    d.axis[a].input = chain->value.shape[static_cast<size_t>(a) + 2];
    d.axis[a].kernel = pick(1, 3);
    d.axis[a].stride = pick(1, 2);
    strides.push_back(d.axis[a].stride);
    w_shape.push_back(d.axis[a].kernel);
  }
  const std::vector<float> w = random_floats(random, count(w_shape));
  Names inputs = {chain->last, chain->parameter(w_shape, w)};
  std::vector<double> bias(static_cast<size_t>(d.out_channels), 0.0);
  if (pick(0, 1) == 1) {
    const std::vector<float> b = random_floats(random, d.out_channels);
    inputs.push_back(chain->parameter({d.out_channels}, b));
    bias.assign(b.begin(), b.end());
  }
  onnx::NodeProto* node = chain->file.node("ConvTranspose", inputs, {chain->next()});
  set(node, "strides", strides);
  set(node, "group", d.groups);
  const LayerSizes sizes = layer_sizes(d);
  chain->value.y = scatter_oracle(sizes, chain->value.y, std::vector<double>(w.begin(), w.end()));
  chain->value.shape = {d.batch, d.out_channels};
  for (int a = 3 - d.rank; a < 3; ++a) chain->value.shape.push_back(sizes.output[a]);
  chain->each([&](double v, int64_t c) { return v + bias[static_cast<size_t>(c)]; });
}

void add_element_wise(Chain* chain, std::mt19937_64* random) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int64_t>(low, high)(*random); };
  const int64_t channels = chain->value.shape[1];
  const std::string x = chain->last;
  Dims per_channel = {channels};
  per_channel.resize(chain->value.shape.size() - 1, 1);
  switch (pick(0, 9)) {
    case 0:
      chain->file.node("Relu", {x}, {chain->next()});
      return chain->each([](double v, int64_t) { return std::max(v, 0.0); });
    case 1: {
      const float alpha = random_floats(random, 1)[0];
      set(chain->file.node("LeakyRelu", {x}, {chain->next()}), "alpha", alpha);
      return chain->each([=](double v, int64_t) { return v >= 0 ? v : double{alpha} * v; });
    }
    case 2: {
      const std::vector<float> slopes = random_floats(random, channels);
      const std::string p = chain->parameter(per_channel, slopes);
      chain->file.node("PRelu", {x, p}, {chain->next()});
      return chain->each([&](double v, int64_t c) { return v >= 0 ? v : double{slopes[static_cast<size_t>(c)]} * v; });
    }
    case 3:
      chain->file.node("Sigmoid", {x}, {chain->next()});
      return chain->each([](double v, int64_t) { return 1 / (1 + std::exp(-v)); });
    case 4:
      chain->file.node("Tanh", {x}, {chain->next()});
      return chain->each([](double v, int64_t) { return std::tanh(v); });
    case 5: {
      const std::string low = chain->parameter({}, {-0.5f});
      const std::string high = chain->parameter({}, {0.75f});
      chain->file.node("Clip", {x, low, high}, {chain->next()});
      return chain->each([](double v, int64_t) { return std::clamp(v, -0.5, 0.75); });
    }
    case 6:
      set(chain->file.node("Elu", {x}, {chain->next()}), "alpha", 0.5f);
      return chain->each([](double v, int64_t) { return v >= 0 ? v : 0.5 * std::expm1(v); });
    case 7: {
      const std::vector<float> added = random_floats(random, channels);
      const std::string p = chain->parameter(per_channel, added);
      const bool first = pick(0, 1) == 0;
      chain->file.node("Add", {first ? x : p, first ? p : x}, {chain->next()});
      return chain->each([&](double v, int64_t c) { return v + double{added[static_cast<size_t>(c)]}; });
    }
    case 8: {
      std::vector<float> v[4];
      Names inputs = {x};
      for (int i = 0; i < 4; ++i) {
        v[i] = random_floats(random, channels, i == 3 ? 0.3f : -1.0f, 1.5f);
        inputs.push_back(chain->parameter({channels}, v[i]));
      }
      chain->file.node("BatchNormalization", inputs, {chain->next()});
      return chain->each([&](double y, int64_t channel) {
        const auto c = static_cast<size_t>(channel);
        return double{v[0][c]} * (y - double{v[2][c]}) / std::sqrt(double{v[3][c]} + double{1e-5f}) + double{v[1][c]};
      });
    }
    default: {  // a constant of the full shape, or of the last dimension alone
      const Dims shape = pick(0, 1) == 0 ? chain->value.shape : Dims{chain->value.shape.back()};
      const std::vector<float> added = random_floats(random, count(shape));
      const std::string p = chain->parameter(shape, added);
      chain->file.node("Add", {x, p}, {chain->next()});
      for (size_t i = 0; i < chain->value.y.size(); ++i) chain->value.y[i] += double{added[i % added.size()]};
      return;
    }
  }
}

TEST(Graph, RandomChainsFusedAndUnfusedMatchNodeByNode) {
  const Scratch scratch;
  tools::ThreadPool pool(1);
  size_t steps_saved = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int64_t>(low, high)(random); };
    Chain chain;
    chain.value.shape = {pick(1, 2), pick(1, 4)};
    for (int64_t a = pick(1, 3); a > 0; --a) chain.value.shape.push_back(pick(1, 4));
    const Dims in_shape = chain.value.shape;
    const std::vector<float> x = random_floats(&random, count(in_shape));
    chain.value.y.assign(x.begin(), x.end());
    chain.file.input("x", in_shape);
    if (pick(0, 3) == 0) add_element_wise(&chain, &random);
    add_conv_transpose(&chain, &random);
    for (int64_t n = pick(0, 4); n > 0; --n) add_element_wise(&chain, &random);
    if (pick(0, 2) == 0) add_conv_transpose(&chain, &random);
    chain.file.output(chain.last);

    const tools::onnx::Model model = tools::onnx::load_model(chain.file.save(scratch.path("chain.onnx")));
    size_t steps[2] = {};
    for (bool fuse : {false, true}) {
      for (tconv::Layout layout : {tconv::Layout::nchw, tconv::Layout::nhwc}) {
        CompileOptions options;
        options.fuse = fuse;
        options.layout = layout;
        tools::Tensor input;
        input.shape = in_shape;
        input.data = x;
        Program program = tools::graph::compile(model, {{"x", input}}, options);
        program.run(pool);
        steps[fuse ? 1 : 0] = program.steps().size();
        const tools::Tensor& y = program.output(0).tensor;
        ASSERT_EQ(y.shape, chain.value.shape) << "seed " << seed;
        // Two layers of up to 6 * 27 products each: two thousand roundings at most, on magnitudes up to a few hundred.
        double largest = 1;
        for (double v : chain.value.y) largest = std::max(largest, std::fabs(v));
        for (size_t i = 0; i < y.data.size(); ++i) {
          ASSERT_NEAR(y.data[i], chain.value.y[i], 2000 * 0x1p-24 * largest)
              << "seed " << seed << ", element " << i << ", fuse " << fuse;
        }
      }
    }
    ASSERT_LE(steps[1], steps[0]) << "seed " << seed;
    steps_saved += steps[0] - steps[1];
  }
  EXPECT_GT(steps_saved, 300u) << "hardly anything was fused";
}

TEST(Graph, AValueThatIsReadTwiceIsNotFusedAway) {
  const Scratch scratch;
  ModelFile file;
  file.node("ConvTranspose", {"x", "w"}, {"c"});
  file.node("Relu", {"c"}, {"r"});
  file.node("Add", {"r", "c"}, {"s"});
  file.input("x", {1, 1, 2});
  file.initializer("w", {1, 1, 1}, {2});
  file.output("s");
  file.output("c");
  const tools::onnx::Model model = tools::onnx::load_model(file.save(scratch.path("m.onnx")));
  Program program = tools::graph::compile(model, {{"x", {{1, 1, 2}, {-1, 3}, {}}}}, {});
  tools::ThreadPool pool(1);
  program.run(pool);
  EXPECT_EQ(program.output(0).tensor.data, (std::vector<float>{-2, 12}));
  EXPECT_EQ(program.output(1).tensor.data, (std::vector<float>{-2, 6}));
}

// Kernel 1, stride 3, input 4: the uncropped output has 10 cells, s * i = 12. Kernel 3 gives 12 both ways.
TEST(Graph, SamePaddingOfAShortKernelFollowsTheDeclaredShape) {
  const Scratch scratch;
  const auto width = [&](int64_t kernel, const Dims& declared) {
    ModelFile file;
    onnx::NodeProto* const node = file.node("ConvTranspose", {"x", "w"}, {"y"});
    set(node, "strides", Dims{3});
    set(node, "auto_pad", std::string("SAME_UPPER"));
    file.input("x", {1, 1, 4});
    file.initializer("w", {1, 1, kernel}, std::vector<float>(static_cast<size_t>(kernel), 1.0f));
    file.output("y");
    auto* const shape = file.model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
    for (int64_t size : declared) shape->add_dim()->set_dim_value(size);
    if (declared.empty()) file.model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    const tools::onnx::Model model = tools::onnx::load_model(file.save(scratch.path("m.onnx")));
    return tools::graph::compile(model, {{"x", {{1, 1, 4}, {1, 2, 3, 4}, {}}}}, {}).output(0).tensor.shape.back();
  };
  EXPECT_EQ(width(1, {1, 1, 12}), 12);  // the operator text
  EXPECT_EQ(width(1, {1, 1, 10}), 10);  // onnxruntime
  EXPECT_EQ(width(1, {}), 10);
  EXPECT_EQ(width(3, {}), 12);
}

TEST(Graph, ClipFollowsOnnxAtItsEdges) {
  const Scratch scratch;
  tools::ThreadPool pool(1);
  const float infinity = std::numeric_limits<float>::infinity();
  const auto clip = [&](int64_t opset, const Names& bounds, const std::vector<float>& x) {
    ModelFile file(opset);
    Names inputs = {"x"};
    inputs.insert(inputs.end(), bounds.begin(), bounds.end());
    file.node("Clip", inputs, {"y"});
    file.input("x", {static_cast<int64_t>(x.size())});
    file.initializer("two", {}, {2});
    file.initializer("minus", {}, {-1});
    file.output("y");
    const tools::onnx::Model model = tools::onnx::load_model(file.save(scratch.path("m.onnx")));
    Program program = tools::graph::compile(model, {{"x", {{static_cast<int64_t>(x.size())}, x, {}}}}, {});
    program.run(pool);
    return program.output(0).tensor.data;
  };
  const float largest = std::numeric_limits<float>::max();
  EXPECT_EQ(clip(13, {}, {infinity, -infinity, 1}), (std::vector<float>{largest, -largest, 1}));
  EXPECT_EQ(clip(6, {}, {infinity, 5}), (std::vector<float>{largest, 5}));
  EXPECT_EQ(clip(13, {"", "two"}, {-9, 5}), (std::vector<float>{-9, 2}));
  EXPECT_EQ(clip(13, {"minus"}, {-9, 5}), (std::vector<float>{-1, 5}));
  EXPECT_EQ(clip(13, {"two", "minus"}, {-9, 0, 5}), (std::vector<float>{-1, -1, -1})) << "low above high: high";
}

TEST(Graph, OldOperatorSets) {
  const Scratch scratch;
  tools::ThreadPool pool(1);
  // Opset 6: Add with axis and broadcast; the constant runs along dimension 1 of 3.
  ModelFile file(6);
  onnx::NodeProto* add = file.node("Add", {"x", "a"}, {"y"});
  set(add, "broadcast", int64_t{1});
  set(add, "axis", int64_t{1});
  file.input("x", {1, 2, 2});
  file.initializer("a", {2}, {10, 20});
  file.output("y");
  const tools::onnx::Model model = tools::onnx::load_model(file.save(scratch.path("m.onnx")));
  Program program = tools::graph::compile(model, {{"x", {{1, 2, 2}, {1, 2, 3, 4}, {}}}}, {});
  program.run(pool);
  EXPECT_EQ(program.output(0).tensor.data, (std::vector<float>{11, 12, 23, 24}));
}

TEST(Graph, ReadsEveryWayOfStoringATensor) {
  const Scratch scratch;
  onnx::TensorProto proto;
  proto.add_dims(2);
  const auto read = [&] { return tools::onnx::load_tensor(scratch.file("t.pb", proto.SerializeAsString())).data; };
  proto.set_data_type(onnx::TensorProto::FLOAT);
  proto.add_float_data(1.5f);
  proto.add_float_data(-2);
  EXPECT_EQ(read(), (std::vector<float>{1.5f, -2}));
  proto.clear_float_data();
  proto.set_data_type(onnx::TensorProto::DOUBLE);
  proto.add_double_data(0.1);
  proto.add_double_data(4);
  EXPECT_EQ(read(), (std::vector<float>{0.1f, 4}));
  proto.clear_double_data();
  proto.set_data_type(onnx::TensorProto::FLOAT16);
  proto.add_int32_data(0x3c00);
  proto.add_int32_data(0xc100);
  EXPECT_EQ(read(), (std::vector<float>{1, -2.5f}));
  proto.set_data_type(onnx::TensorProto::BFLOAT16);
  proto.set_int32_data(0, 0x3f80);
  proto.set_int32_data(1, 0xc020);
  EXPECT_EQ(read(), (std::vector<float>{1, -2.5f}));
  proto.clear_int32_data();
  proto.set_raw_data(std::string("\x80\x3f\x20\xc0", 4));
  EXPECT_EQ(read(), (std::vector<float>{1, -2.5f}));
}

}  // namespace
}  // namespace tconv_test
