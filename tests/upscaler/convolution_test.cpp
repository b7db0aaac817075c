// Conv and Pad of `tconv run`: random layers against their definitions in double precision; memory shared along a chain.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <utility>

#include "support/model_file.hpp"
#include "tools/graph/buffers.hpp"
#include "tools/graph/compile.hpp"
#include "tools/onnx/loader.hpp"
#include "tools/support/error.hpp"
#include "upscaler/evaluate.hpp"

namespace tconv_test {
namespace {

using tools::graph::CompileOptions;
using tools::graph::Program;

tools::onnx::Model read(const ModelFile& file) {
  const std::string bytes = file.bytes();
  return tools::onnx::read_model("model", {bytes.begin(), bytes.end()});
}

Program compile(const ModelFile& file, const Dims& shape, const std::vector<float>& data, const CompileOptions& options = {}) {
  std::map<std::string, tools::Tensor> inputs;
  inputs["x"] = {shape, data, {}};
  return tools::graph::compile(read(file), std::move(inputs), options);
}

const tools::Tensor& run(Program* program, int threads = 1) {
  tools::ThreadPool pool(threads);
  program->run(pool);
  return program->output(0).tensor;
}

int64_t draw(std::mt19937_64* random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(*random);
}

void expect_near(const tools::Tensor& actual, const Map& wanted) {
  ASSERT_EQ(actual.data.size(), wanted.value.size());
  for (size_t i = 0; i < wanted.value.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(actual.data[i]), wanted.value[i], wanted.error[i]) << "element " << i;
  }
}

class RandomConvolution : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomConvolution, EqualsItsDefinition) {
  const uint64_t seed = GetParam();
  std::mt19937_64 random(seed);
  const int64_t rank = draw(&random, 1, 3);
  ConvolutionSpec spec;
  spec.groups = draw(&random, 0, 2) == 0 ? draw(&random, 2, 3) : 1;
  const int64_t in_channels = spec.groups * draw(&random, 1, 5);
  spec.out_channels = spec.groups * draw(&random, 1, 6);
  Map x;
  x.channels = in_channels;
  Dims shape{1, in_channels};
  Dims kernel, dilations, begins, ends;
  x.size = {1, 1, 1};
  for (auto a = static_cast<size_t>(3 - rank); a < 3; ++a) {
    spec.kernel[a] = draw(&random, 1, 4);
    spec.dilation[a] = draw(&random, 1, 3);
    const int64_t reach = spec.dilation[a] * (spec.kernel[a] - 1);
    // Now and then more padding than the kernel reaches: rows of bias alone.
    spec.pad_begin[a] = draw(&random, 0, reach + (draw(&random, 0, 3) == 0 ? 3 : 0));
    spec.pad_end[a] = draw(&random, 0, reach + (draw(&random, 0, 3) == 0 ? 2 : 0));
    x.size[a] = std::max<int64_t>(draw(&random, 1, rank == 3 ? 7 : 20), reach + 1 - spec.pad_begin[a] - spec.pad_end[a]);
    shape.push_back(x.size[a]);
    kernel.push_back(spec.kernel[a]);
    dilations.push_back(spec.dilation[a]);
    begins.push_back(spec.pad_begin[a]);
    ends.push_back(spec.pad_end[a]);
  }
  Dims pads = begins;
  pads.insert(pads.end(), ends.begin(), ends.end());
  const std::vector<float> data = random_floats(&random, count(shape));
  x.value.assign(data.begin(), data.end());
  x.error.assign(data.size(), 0.0);
  Dims weight_shape{spec.out_channels, in_channels / spec.groups};
  weight_shape.insert(weight_shape.end(), kernel.begin(), kernel.end());
  const std::vector<float> weights = random_floats(&random, count(weight_shape));
  const std::vector<float> bias = random_floats(&random, spec.out_channels);
  const std::vector<float> slopes = random_floats(&random, spec.out_channels);

  ModelFile file;
  onnx::NodeProto* node = file.node("Conv", {"x", "w", "b"}, {"c"});
  set(node, "pads", pads);
  set(node, "dilations", dilations);
  if (seed % 2 == 0) set(node, "kernel_shape", kernel);
  set(node, "group", spec.groups);
  file.node("PRelu", {"c", "s"}, {"y"});
  file.input("x", shape);
  file.initializer("w", weight_shape, weights);
  file.initializer("b", {spec.out_channels}, bias);
  Dims slope_shape{spec.out_channels};
  slope_shape.insert(slope_shape.end(), static_cast<size_t>(rank), 1);
  file.initializer("s", slope_shape, slopes);
  file.output("y");
  SCOPED_TRACE("seed " + std::to_string(seed) + ", " + testing::PrintToString(shape) + " by " +
               testing::PrintToString(weight_shape) + ", group " + std::to_string(spec.groups) + ", pads " +
               testing::PrintToString(pads) + ", dilations " + testing::PrintToString(dilations));
  const Map wanted = prelu(convolution(x, spec, weights, bias), slopes);
  for (tconv::Layout layout : {tconv::Layout::nchw, tconv::Layout::nhwc}) {
    for (int64_t plan_size : {0, 16}) {
      CompileOptions options;
      options.layout = layout;
      options.plan_size = plan_size;
      Program program = compile(file, shape, data, options);
      expect_near(run(&program, 1 + static_cast<int>(seed % 3)), wanted);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Convolution, RandomConvolution, testing::Range<uint64_t>(1, 61));

TEST(Convolution, AutoPadKeepsTheSize) {
  // A kernel of 4 has one cell too many: SAME_UPPER puts it after the data, SAME_LOWER before. With a single tap of 1 the result
  // is the input moved by where that tap lies.
  for (const bool upper : {true, false}) {
    ModelFile file;
    set(file.node("Conv", {"x", "w"}, {"y"}), "auto_pad", std::string(upper ? "SAME_UPPER" : "SAME_LOWER"));
    file.input("x", {1, 1, 5});
    file.initializer("w", {1, 1, 4}, {1, 0, 0, 0});
    file.output("y");
    Program program = compile(file, {1, 1, 5}, {1, 2, 3, 4, 5});
    const tools::Tensor& y = run(&program);
    EXPECT_EQ(y.shape, (Dims{1, 1, 5}));
    EXPECT_EQ(y.data, upper ? (std::vector<float>{0, 1, 2, 3, 4}) : (std::vector<float>{0, 0, 1, 2, 3}));
  }
}

// ---- Pad ---------------------------------------------------------------------------------------------------------------------

// Along one axis, with a list: cut, then grow cell by cell.
std::vector<double> pad_line(std::vector<double> line, int64_t begin, int64_t end, const std::string& mode, double value) {
  if (begin < 0) line.erase(line.begin(), line.begin() - begin);
  if (end < 0) line.erase(line.end() + end, line.end());
  const std::vector<double> kept = line;
  for (int64_t i = 1; i <= begin; ++i) {
    line.insert(line.begin(), mode == "constant" ? value : mode == "edge" ? kept.front() : kept[static_cast<size_t>(i)]);
  }
  for (int64_t i = 1; i <= end; ++i) {
    line.push_back(mode == "constant" ? value : mode == "edge" ? kept.back() : kept[kept.size() - 1 - static_cast<size_t>(i)]);
  }
  return line;
}

// One axis after the other.
std::vector<double> pad_all(std::vector<double> data, Dims* shape, const Dims& pads, const std::string& mode, double value) {
  const size_t rank = shape->size();
  for (size_t a = 0; a < rank; ++a) {
    int64_t inner = 1;
    for (size_t b = a + 1; b < rank; ++b) inner *= (*shape)[b];
    const int64_t outer = count(*shape) / inner / (*shape)[a];
    const int64_t size = (*shape)[a];
    const int64_t grown = size + pads[a] + pads[rank + a];
    std::vector<double> result(static_cast<size_t>(outer * grown * inner));
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < inner; ++i) {
        std::vector<double> line;
        for (int64_t k = 0; k < size; ++k) line.push_back(data[static_cast<size_t>((o * size + k) * inner + i)]);
        line = pad_line(line, pads[a], pads[rank + a], mode, value);
        for (int64_t k = 0; k < grown; ++k) result[static_cast<size_t>((o * grown + k) * inner + i)] = line[static_cast<size_t>(k)];
      }
    }
    (*shape)[a] = grown;
    data = std::move(result);
  }
  return data;
}

onnx::TensorProto* integers(ModelFile* file, const std::string& name, const Dims& values, bool raw_bytes) {
  onnx::TensorProto* tensor = file->model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::INT64);
  tensor->add_dims(static_cast<int64_t>(values.size()));
  if (raw_bytes) {
    tensor->set_raw_data(values.data(), values.size() * sizeof(int64_t));
  } else {
    for (int64_t v : values) tensor->add_int64_data(v);
  }
  return tensor;
}

class RandomPad : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomPad, EqualsCellByCell) {
  const uint64_t seed = GetParam();
  std::mt19937_64 random(seed);
  const std::string mode = std::vector<std::string>{"constant", "edge", "reflect"}[seed % 3];
  Dims shape;
  Dims begins, ends;
  for (int64_t a = 0, rank = draw(&random, 1, 4); a < rank; ++a) {
    shape.push_back(draw(&random, 3, 7));
    begins.push_back(draw(&random, -1, mode == "reflect" ? shape.back() - 2 : 5));
    ends.push_back(draw(&random, -1, mode == "reflect" ? shape.back() - 3 : 5));
    if (mode == "reflect" && begins.back() > shape.back() - 2) begins.back() = shape.back() - 2;
    if (mode == "reflect" && begins.back() < 0) ends.back() = std::min<int64_t>(ends.back(), shape.back() - 3);
  }
  Dims pads = begins;
  pads.insert(pads.end(), ends.begin(), ends.end());
  const std::vector<float> data = random_floats(&random, count(shape));
  const float value = mode == "constant" ? 2.5f : 0.0f;
  // The three ways in which operator sets write the same.
  const int64_t opset = std::vector<int64_t>{2, 13, 18}[seed / 3 % 3];
  ModelFile file(opset);
  onnx::NodeProto* node = file.node("Pad", opset < 11 ? Names{"x"} : Names{"x", "pads", "value"}, {"y"});
  set(node, "mode", mode);
  if (opset < 11) {
    set(node, "pads", pads);
    set(node, "value", value);
  } else {
    integers(&file, "pads", pads, seed % 2 == 0);
    file.initializer("value", {}, {value});
  }
  if (opset == 18) {  // the axes backwards, the last by its negative name
    node->add_input("axes");
    Dims axes;
    Dims reversed;
    const auto rank = static_cast<int64_t>(shape.size());
    for (int64_t a = rank; a-- > 0;) axes.push_back(a == rank - 1 ? -1 : a);
    for (int64_t half = 0; half < 2; ++half) {
      for (int64_t a = rank; a-- > 0;) reversed.push_back(pads[static_cast<size_t>(half * rank + a)]);
    }
    integers(&file, "axes", axes, true);
    file.model.mutable_graph()->mutable_initializer(0)->clear_raw_data();
    file.model.mutable_graph()->mutable_initializer(0)->clear_int64_data();
    for (int64_t v : reversed) file.model.mutable_graph()->mutable_initializer(0)->add_int64_data(v);
  }
  file.input("x", shape);
  file.output("y");
  Dims wanted_shape = shape;
  const std::vector<double> wanted = pad_all({data.begin(), data.end()}, &wanted_shape, pads, mode, static_cast<double>(value));
  SCOPED_TRACE("seed " + std::to_string(seed) + ", " + mode + ", opset " + std::to_string(opset) + ", " +
               testing::PrintToString(shape) + ", pads " + testing::PrintToString(pads));
  Program program = compile(file, shape, data);
  const tools::Tensor& y = run(&program);
  ASSERT_EQ(y.shape, wanted_shape);
  for (size_t i = 0; i < wanted.size(); ++i) ASSERT_EQ(static_cast<double>(y.data[i]), wanted[i]) << "element " << i;
}

INSTANTIATE_TEST_SUITE_P(Pad, RandomPad, testing::Range<uint64_t>(1, 46));

// ---- refusals ------------------------------------------------------------------------------------------------------------------

void expect_refused(const ModelFile& file, const Dims& shape, const std::string& part) {
  try {
    compile(file, shape, std::vector<float>(static_cast<size_t>(count(shape))));
    ADD_FAILURE() << "accepted; expected: " << part;
  } catch (const tools::Error& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST(Convolution, RefusesWhatItCannotDo) {
  const auto with = [](const std::function<void(onnx::NodeProto*)>& change, const Dims& weights = {4, 2, 3, 3}) {
    ModelFile file;
    change(file.node("Conv", {"x", "w"}, {"y"}));
    file.input("x", {1, 2, 8, 8});
    file.initializer("w", weights, std::vector<float>(static_cast<size_t>(count(weights))));
    file.output("y");
    return file;
  };
  const Dims shape{1, 2, 8, 8};
  expect_refused(with([](auto* n) { set(n, "strides", Dims{2, 2}); }), shape, "strides = 2x2");
  expect_refused(with([](auto* n) { set(n, "group", int64_t{3}); }), shape, "group = 3");
  expect_refused(with([](auto* n) { set(n, "dilations", Dims{0, 1}); }), shape, "dilations = 0x1");
  expect_refused(with([](auto* n) { set(n, "dilations", Dims{int64_t{1} << 40, 1}); }), shape, "dilations");
  expect_refused(with([](auto* n) { set(n, "pads", Dims{-1, 0, 0, 0}); }), shape, "pads = -1x0x0x0");
  expect_refused(with([](auto* n) { set(n, "kernel_shape", Dims{5, 5}); }), shape, "kernel_shape = 5x5");
  expect_refused(with([](auto* n) { set(n, "auto_pad", std::string("SAME")); }), shape, "auto_pad = 'SAME'");
  expect_refused(with([](auto*) {}, {4, 3, 3, 3}), shape, "the second size must be 2");
  expect_refused(with([](auto*) {}, {4, 2, 9, 9}), shape, "output");
  expect_refused(with([](auto*) {}, {4, 2, 3}), shape, "same number of dimensions");
}

TEST(Pad, RefusesWhatItCannotDo) {
  const auto with = [](const std::string& mode, const Dims& pads) {
    ModelFile file;
    set(file.node("Pad", {"x", "pads"}, {"y"}), "mode", mode);
    integers(&file, "pads", pads, true);
    file.input("x", {3, 4});
    file.output("y");
    return file;
  };
  expect_refused(with("wrap", {1, 1, 1, 1}), {3, 4}, "mode = 'wrap'");
  expect_refused(with("edge", {1, 1}), {3, 4}, "pads: has 2 values, must have 4");
  expect_refused(with("reflect", {3, 0, 0, 0}), {3, 4}, "a reflection of 3 cells");
  expect_refused(with("constant", {-2, 0, -1, 0}), {3, 4}, "nothing is left");
  expect_refused(with("constant", {int64_t{1} << 39, 0, 0, 0}), {3, 4}, "memory limit");
  ModelFile computed = with("edge", {0, 0, 0, 0});
  computed.model.mutable_graph()->mutable_initializer(0)->set_data_type(onnx::TensorProto::FLOAT);
  EXPECT_THROW(compile(computed, {3, 4}, std::vector<float>(12)), tools::Error);
}

// With a plan size, the algorithm of a layer must not depend on how large its input is: tiles rely on it.
TEST(PlanSize, FixesTheAlgorithm) {
  for (const auto& [in, out] : std::vector<std::pair<int64_t, int64_t>>{{1, 56}, {56, 12}, {12, 12}, {32, 32}, {64, 3}}) {
    ModelFile file;
    set(file.node("Conv", {"x", "w"}, {"y"}), "pads", Dims{1, 1, 1, 1});
    file.input("x", {1, in, -1, -1});
    file.initializer("w", {out, in, 3, 3}, std::vector<float>(static_cast<size_t>(9 * in * out), 0.5f));
    file.output("y");
    CompileOptions options;
    options.plan_size = 64;
    const auto algorithm = [&, channels = in](int64_t height, int64_t width) {
      const Dims shape{1, channels, height, width};
      const Program program = compile(file, shape, std::vector<float>(static_cast<size_t>(count(shape))), options);
      EXPECT_EQ(program.steps()[0]->op()->description().axis[1].input, width);
      return program.steps()[0]->op()->plan().algorithm;
    };
    for (int64_t size : {1, 5, 16, 33, 200}) {
      EXPECT_EQ(algorithm(size, 301 - size), algorithm(64, 64)) << in << " -> " << out << ", " << size << " rows";
    }
  }
}

// ---- memory --------------------------------------------------------------------------------------------------------------------

TEST(Buffers, AChainNeedsTwoHoweverLong) {
  ModelFile file;
  std::string last = "x";
  std::mt19937_64 random(7);
  std::vector<float> wanted = random_floats(&random, 3 * 10 * 10);
  const std::vector<float> data = wanted;
  for (int i = 0; i < 9; ++i) {
    const std::string next = "v" + std::to_string(i);
    file.node("Conv", {last, "w" + std::to_string(i % 2)}, {next});
    last = next;
  }
  // Twice the first channel into three, and back: nine layers double the data nine times.
  file.initializer("w0", {3, 3, 1, 1}, {2, 0, 0, 0, 2, 0, 0, 0, 2});
  file.initializer("w1", {3, 3, 1, 1}, {2, 0, 0, 0, 2, 0, 0, 0, 2});
  file.input("x", {1, 3, 10, 10});
  file.output(last);
  Program program = compile(file, {1, 3, 10, 10}, data);
  EXPECT_EQ(program.buffers(), (std::vector<size_t>{300, 300}));
  EXPECT_EQ(program.computed_bytes(), 3 * 300 * 4);  // and the output
  EXPECT_EQ(program.unshared_bytes(), 9 * 300 * 4);
  for (int repeat = 0; repeat < 2; ++repeat) {
    const tools::Tensor& y = run(&program);
    for (size_t i = 0; i < data.size(); ++i) ASSERT_EQ(y.data[i], 512 * data[i]);
  }
}

TEST(Buffers, NoTwoLivingValuesShareOne) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    const auto steps = static_cast<size_t>(draw(&random, 1, 12));
    std::vector<tools::graph::Lifetime> lifetimes;
    std::vector<bool> kept(steps + 1, false);
    kept[0] = true;  // the input
    for (size_t t = 0; t < steps; ++t) {
      tools::graph::Lifetime lifetime{t + 1, static_cast<size_t>(draw(&random, 1, 50)), {}};
      for (int64_t r = draw(&random, 1, 2); r-- > 0;) {
        lifetime.reads.push_back(static_cast<size_t>(draw(&random, 0, static_cast<int64_t>(t))));
      }
      lifetimes.push_back(lifetime);
      if (draw(&random, 0, 5) == 0) kept[t + 1] = true;
    }
    const tools::graph::BufferPlan plan = tools::graph::plan_buffers(lifetimes, kept);
    std::map<size_t, size_t> holder;  // buffer -> value
    for (size_t t = 0; t < steps; ++t) {
      // What a step reads must still be there.
      for (size_t v : lifetimes[t].reads) {
        if (!kept[v]) {
          ASSERT_EQ(holder.at(plan.buffer_of[v]), v) << "seed " << seed << ", step " << t;
        }
      }
      const size_t value = lifetimes[t].value;
      const size_t buffer = plan.buffer_of[value];
      ASSERT_EQ(kept[value], buffer == tools::graph::BufferPlan::own);
      if (kept[value]) continue;
      ASSERT_GE(plan.counts[buffer], lifetimes[t].count);
      for (size_t v : lifetimes[t].reads) ASSERT_NE(plan.buffer_of[v], buffer) << "a step writes what it reads, seed " << seed;
      holder[buffer] = value;
    }
  }
}

}  // namespace
}  // namespace tconv_test
