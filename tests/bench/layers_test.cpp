// The loader of the suite: what it accepts, and one line with file, line and column for everything that it does not.
#include "bench/layers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "bench/case.hpp"

namespace tconv::bench {
namespace {

const char* const header =
    "name,rank,batch,in_channels,out_channels,in_d,in_h,in_w,kernel_d,kernel_h,kernel_w,stride_d,stride_h,stride_w,pad_begin_d,"
    "pad_begin_h,pad_begin_w,pad_end_d,pad_end_h,pad_end_w,output_padding_d,output_padding_h,output_padding_w,dilation_d,dilation_"
    "h,"
    "dilation_w,groups,bias,activation,tier,source\n";
// A 2-D layer whose fields can be replaced by column name.
std::string row_with(const std::string& column, const std::string& value) {
  std::istringstream names(header), values("a,2,1,4,6,1,5,7,1,3,4,1,2,2,0,1,0,0,1,1,0,0,1,1,1,1,2,1,relu,1,somewhere");
  std::string line, name, text;
  while (std::getline(names, name, ',') && std::getline(values, text, ',')) {
    if (!name.empty() && name.back() == '\n') name.pop_back();
    line += (line.empty() ? "" : ",") + (name == column ? value : text);
  }
  return line + "\n";
}

std::string error_of(const std::string& text) {
  std::vector<Layer> layers(3);
  std::string error;
  EXPECT_FALSE(parse_layers(text, "x.csv", &layers, &error)) << text;
  EXPECT_TRUE(layers.empty());
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  return error;
}

TEST(Layers, SuiteOfTheProjectLoads) {
  std::vector<Layer> layers;
  std::string error;
  ASSERT_TRUE(load_layers(TCONV_LAYERS_CSV, &layers, &error)) << error;
  EXPECT_EQ(layers.size(), 56u);
  int tier2 = 0;
  for (const Layer& l : layers) tier2 += l.tier == 2;
  EXPECT_EQ(tier2, 20);
}

TEST(Layers, FieldsLandWhereTheyBelong) {
  std::vector<Layer> layers;
  std::string error;
  ASSERT_TRUE(parse_layers(header + row_with("", ""), "x.csv", &layers, &error)) << error;
  ASSERT_EQ(layers.size(), 1u);
  const Description& d = layers[0].description;
  EXPECT_EQ(d.rank, 2);
  EXPECT_EQ(d.in_channels, 4);
  EXPECT_EQ(d.out_channels, 6);
  EXPECT_EQ(d.groups, 2);
  EXPECT_EQ(d.axis[0].input, 5);
  EXPECT_EQ(d.axis[1].input, 7);
  EXPECT_EQ(d.axis[0].kernel, 3);
  EXPECT_EQ(d.axis[1].kernel, 4);
  EXPECT_EQ(d.axis[0].pad_begin, 1);
  EXPECT_EQ(d.axis[1].pad_begin, 0);
  EXPECT_EQ(d.axis[1].pad_end, 1);
  EXPECT_EQ(d.axis[1].output_padding, 1);
  EXPECT_TRUE(layers[0].bias);
  EXPECT_EQ(layers[0].activation, "relu");
  EXPECT_EQ(layers[0].source, "somewhere");
  EXPECT_EQ(layers[0].line, 2);
}

TEST(Layers, QuotesOtherColumnsAndWindowsLines) {
  std::vector<Layer> layers;
  std::string error;
  std::string head = header;
  head.insert(head.size() - 1, ",remark\r");
  std::string row = row_with("source", "\"a, \"\"b\"\"\"");
  row.insert(row.size() - 1, ",unused\r");
  ASSERT_TRUE(parse_layers(head + row, "x.csv", &layers, &error)) << error;
  EXPECT_EQ(layers[0].source, "a, \"b\"");
}

TEST(Layers, MissingColumnIsNamed) {
  std::string head = header;
  const std::string column = "stride_w,";
  head.erase(head.find(column), column.size());
  EXPECT_EQ(error_of(head + row_with("", "")), "x.csv:1:" + std::to_string(head.size()) + ": column stride_w: missing");
}

TEST(Layers, BadNumbersAndImpossibleLayers) {
  struct {
    const char* column;
    const char* value;
    const char* message;
  } const cases[] = {
      {"kernel_h", "3x", "kernel_h = \"3x\": must be a whole number"},
      {"kernel_h", "", "kernel_h = \"\": must be a whole number"},
      {"kernel_h", " 3", "kernel_h = \" 3\": must be a whole number"},
      {"kernel_h", "3.0", "kernel_h = \"3.0\": must be a whole number"},
      {"in_w", "99999999999999999999", "in_w = 99999999999999999999: does not fit in 64 bits"},
      {"rank", "4", "rank = 4: must be 1, 2 or 3"},
      {"tier", "7", "tier = 7: must be 0, 1 or 2"},
      {"bias", "2", "bias = 2: must be 0 or 1"},
      {"kernel_d", "2", "kernel_d = 2: must be 1 in a layer of rank 2"},
      {"stride_h", "0", "stride_h = 0: impossible layer: "},
      {"output_padding_h", "2", "output_padding_h = 2: impossible layer: "},
      {"pad_begin_h", "-1", "pad_begin_h = -1: impossible layer: "},
      {"groups", "3", "groups = 3: impossible layer: "},
      {"in_channels", "0", "in_channels = 0: impossible layer: "},
      {"name", "a/b", "name = \"a/b\": must be letters"},
  };
  std::istringstream names(header);
  std::vector<std::string> order;
  for (std::string name; std::getline(names, name, ',');) order.push_back(name);
  for (const auto& c : cases) {
    const std::string line = row_with(c.column, c.value);
    const std::string error = error_of(header + row_with("name", "before") + line);
    // Its place: third line, one past the commas before it.
    const auto index = std::find(order.begin(), order.end(), c.column) - order.begin();
    size_t at = 0;
    for (long i = 0; i < index; ++i) at = line.find(',', at) + 1;
    const std::string expected = "x.csv:3:" + std::to_string(at + 1) + ": " + c.message;
    EXPECT_EQ(error.substr(0, expected.size()), expected);
  }
}

TEST(Layers, BrokenLines) {
  EXPECT_EQ(error_of(""), "x.csv:1:1: empty: the first line must name the columns");
  EXPECT_EQ(error_of(header), "x.csv:1:1: no layers");
  EXPECT_NE(error_of(std::string(header) + "a,2\n").find("x.csv:2:4: 2 fields: the first line names 31 columns"),
            std::string::npos);
  EXPECT_NE(error_of(header + row_with("source", "\"open")).find("unfinished quote"), std::string::npos);
  EXPECT_NE(error_of(header + row_with("", "") + row_with("", "")).find("x.csv:3:1: name = \"a\": there twice"), std::string::npos);
  std::vector<Layer> layers;
  std::string error;
  EXPECT_FALSE(load_layers("/nonexistent/layers.csv", &layers, &error));
  EXPECT_EQ(error.rfind("/nonexistent/layers.csv:1:1: cannot be read", 0), 0u) << error;
}

TEST(Layers, ShrinkKeepsWhatDecidesTheAlgorithm) {
  std::vector<Layer> layers;
  std::string error;
  ASSERT_TRUE(load_layers(TCONV_LAYERS_CSV, &layers, &error)) << error;
  for (const Layer& layer : layers) {
    const Layer small = shrink(layer, 1000000);
    const Description &a = layer.description, &b = small.description;
    Geometry g;
    ASSERT_TRUE(resolve(b, &g).ok()) << layer.name;
    EXPECT_EQ(b.batch, 1);
    EXPECT_EQ(a.in_channels, b.in_channels);
    EXPECT_EQ(a.out_channels, b.out_channels);
    EXPECT_EQ(layer_groups(layer), layer_groups(small));
    bool can_shrink = false;
    for (int i = 0; i < a.rank; ++i) {
      EXPECT_LE(b.axis[i].input, a.axis[i].input);
      EXPECT_EQ(a.axis[i].kernel, b.axis[i].kernel);
      can_shrink = can_shrink || b.axis[i].input > 9;
    }
    EXPECT_TRUE(g.multiplications <= 1000000 || !can_shrink) << layer.name;
  }
}

// The judge of all contestants must itself tell right from wrong: one output off by one tap's worth is seen, so is a hole.
TEST(Case, SeesWrongAndMissingOutputs) {
  std::vector<Layer> layers;
  std::string error;
  ASSERT_TRUE(parse_layers(header + row_with("", ""), "x.csv", &layers, &error)) << error;
  const Case c(layers[0]);
  ASSERT_EQ(static_cast<int64_t>(c.sample.size()), c.geometry.output_elements);  // a small layer is checked whole
  Buffer y(c.geometry.output_elements);
  for (const Case::Sample& s : c.sample) y.data()[s.channel * c.output_pixels + s.pixel] = static_cast<float>(s.value);
  EXPECT_EQ(c.check(y.data(), Layout::nchw, Accuracy::direct), "");
  EXPECT_NE(c.check(y.data(), Layout::nhwc, Accuracy::direct), "");
  y.data()[5] += 1e-3f;
  EXPECT_EQ(c.check(y.data(), Layout::nchw, Accuracy::direct).rfind("wrong result: image 0, channel 0, pixel 5 is", 0), 0u);
  y.data()[5] = __builtin_nanf("");
  EXPECT_EQ(c.check(y.data(), Layout::nchw, Accuracy::direct).rfind("wrong result: element 5 of", 0), 0u);
}

// Each class has its own bound, and none lets a wrong tap pass: it is off by about the output's rms / sqrt(products per output).
TEST(Case, ToleranceBelongsToTheClass) {
  std::vector<Layer> layers;
  std::string error;
  ASSERT_TRUE(parse_layers(header + row_with("", ""), "x.csv", &layers, &error)) << error;
  const Case c(layers[0]);
  double squares = 0, largest = 0;
  for (const Case::Sample& s : c.sample) squares += s.value * s.value;
  const double rms = std::sqrt(squares / static_cast<double>(c.sample.size()));
  for (const Case::Sample& s : c.sample) largest = std::max(largest, s.tolerance);
  // At most 2 of 3 x 2 of 4 taps x 2 channels meet an output, and the bias: sums of 9 terms, each below 1.
  EXPECT_LE(largest, 4 * 1.2e-7 * std::sqrt(9.0 * 9.0));
  for (const Case::Sample& s : c.sample) {
    EXPECT_EQ(c.tolerance(s, Accuracy::direct), s.tolerance);
    EXPECT_DOUBLE_EQ(c.tolerance(s, Accuracy::winograd_strict), 1.25 * largest);
    EXPECT_NEAR(c.tolerance(s, Accuracy::winograd_standard), 1e-4 * rms, 1e-9);
  }
  Buffer y(c.geometry.output_elements);
  for (const Case::Sample& s : c.sample) y.data()[s.channel * c.output_pixels + s.pixel] = static_cast<float>(s.value);
  y.data()[7] += static_cast<float>(0.9e-4 * rms);
  EXPECT_EQ(c.check(y.data(), Layout::nchw, Accuracy::winograd_standard), "");
  EXPECT_NE(c.check(y.data(), Layout::nchw, Accuracy::winograd_strict), "");
  EXPECT_NE(c.check(y.data(), Layout::nchw, Accuracy::direct), "");
  y.data()[7] += static_cast<float>(0.2e-4 * rms);
  EXPECT_NE(c.check(y.data(), Layout::nchw, Accuracy::winograd_standard), "");
}

}  // namespace
}  // namespace tconv::bench
