// Every field of a description that can be wrong, with every kind of wrong: the Status has the code, names the field and its value.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>

#include "support/problem.hpp"

namespace tconv_test {
namespace {

using tconv::Description;
using tconv::StatusCode;

constexpr int64_t largest = std::numeric_limits<int64_t>::max();
constexpr int64_t smallest = std::numeric_limits<int64_t>::min();

struct Wrong {
  std::function<void(Description*)> apply;
  StatusCode code;
  std::vector<std::string> words;  // all in the message
};

Description good() {
  Description d;
  d.batch = 2;
  d.in_channels = 4;
  d.out_channels = 6;
  d.groups = 2;
  for (int a = 0; a < 2; ++a) {
    d.axis[a].input = 5;
    d.axis[a].kernel = 3;
    d.axis[a].stride = 2;
  }
  return d;
}

void expect_wrong(const Wrong& wrong, Description d) {
  wrong.apply(&d);
  tconv::Geometry geometry;
  std::memset(static_cast<void*>(&geometry), 0x5a, sizeof geometry);
  tconv::Geometry untouched;
  std::memset(static_cast<void*>(&untouched), 0x5a, sizeof untouched);
  const tconv::Status status = tconv::resolve(d, &geometry);
  const std::string message = status.message();
  EXPECT_EQ(status.code(), wrong.code) << '"' << message << "\" for " << to_string(d);
  for (const std::string& word : wrong.words) {
    EXPECT_NE(message.find(word), std::string::npos) << '"' << message << "\" does not say " << word << ": " << to_string(d);
  }
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_EQ(std::memcmp(&geometry, &untouched, sizeof geometry), 0) << "the geometry was half written: " << to_string(d);
  // Every entry point says the same.
  const Floats weights(4096);
  const auto op = tconv::ConvTranspose::create(d, weights.data());
  EXPECT_EQ(op.status().code(), wrong.code) << op.status().message();
  EXPECT_EQ(op.status().message(), message);
}

TEST(Errors, TheUnchangedDescriptionIsGood) {
  tconv::Geometry geometry;
  EXPECT_TRUE(tconv::resolve(good(), &geometry).ok());
}

TEST(Errors, SizesAndGroups) {
  const auto bad = StatusCode::invalid_argument;
  for (int64_t value : {int64_t{0}, int64_t{-1}, smallest}) {
    const std::string text = std::to_string(value);
    expect_wrong({[=](Description* d) { d->batch = value; }, bad, {"batch", text}}, good());
    expect_wrong({[=](Description* d) { d->in_channels = value; }, bad, {"in_channels", text}}, good());
    expect_wrong({[=](Description* d) { d->out_channels = value; }, bad, {"out_channels", text}}, good());
    expect_wrong({[=](Description* d) { d->groups = value; }, bad, {"groups", text}}, good());
    for (int a = 0; a < 2; ++a) {
      const std::string axis = "axis[" + std::to_string(a) + "]";
      expect_wrong({[=](Description* d) { d->axis[a].input = value; }, bad, {axis, "input", text}}, good());
      expect_wrong({[=](Description* d) { d->axis[a].kernel = value; }, bad, {axis, "kernel", text}}, good());
      expect_wrong({[=](Description* d) { d->axis[a].stride = value; }, bad, {axis, "stride", text}}, good());
      expect_wrong({[=](Description* d) { d->axis[a].dilation = value; }, bad, {axis, "dilation", text}}, good());
      if (value == 0) continue;
      expect_wrong({[=](Description* d) { d->axis[a].pad_begin = value; }, bad, {axis, "pad_begin", text}}, good());
      expect_wrong({[=](Description* d) { d->axis[a].pad_end = value; }, bad, {axis, "pad_end", text}}, good());
      expect_wrong({[=](Description* d) { d->axis[a].output_padding = value; }, bad, {axis, "output_padding", text}}, good());
    }
  }
  expect_wrong({[](Description* d) { d->groups = 4; }, bad, {"groups", "4", "out_channels", "6"}}, good());
  expect_wrong({[](Description* d) { d->groups = 3; }, bad, {"groups", "3", "in_channels", "4"}}, good());
  expect_wrong({[](Description* d) { d->groups = largest; }, bad, {"groups", std::to_string(largest)}}, good());
  for (int rank : {0, 4, -1, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    expect_wrong({[=](Description* d) { d->rank = rank; }, bad, {"rank", std::to_string(rank)}}, good());
  }
}

TEST(Errors, Padding) {
  const auto bad = StatusCode::invalid_argument;
  // The full output is 2 * 4 + 3 = 11 cells.
  for (int a = 0; a < 2; ++a) {
    const std::string axis = "axis[" + std::to_string(a) + "]";
    expect_wrong({[=](Description* d) { d->axis[a].pad_begin = 11; }, bad, {axis, "pad", "11"}}, good());
    expect_wrong({[=](Description* d) { d->axis[a].pad_begin = 5, d->axis[a].pad_end = 6; }, bad, {axis, "pad", "5", "6", "11"}},
                 good());
    expect_wrong({[=](Description* d) { d->axis[a].output_padding = 2; }, bad, {axis, "output_padding", "2"}}, good());
    expect_wrong(
        {[=](Description* d) { d->axis[a].output_padding = 4, d->axis[a].dilation = 4; }, bad, {axis, "output_padding", "4"}},
        good());
    expect_wrong(
        {[=](Description* d) { d->axis[a].output_padding = largest; }, bad, {axis, "output_padding", std::to_string(largest)}},
        good());
  }
  // The limits themselves are legal.
  tconv::Geometry geometry;
  Description d = good();
  d.axis[0].pad_begin = 10;
  d.axis[1].output_padding = 1;
  EXPECT_TRUE(tconv::resolve(d, &geometry).ok());
  EXPECT_EQ(geometry.output[1], 1);
  EXPECT_EQ(geometry.output[2], 12);

  // A sum of paddings that does not fit is an error, whichever.
  d = good();
  d.axis[1].pad_begin = d.axis[1].pad_end = largest;
  const tconv::Status status = tconv::resolve(d, &geometry);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::strstr(status.message(), "axis[1]"), nullptr) << status.message();

  expect_wrong({[](Description* e) { e->output_shape[0] = -3, e->output_shape[1] = 4; }, bad, {"axis[0]", "output_shape", "-3"}},
               good());
  expect_wrong({[](Description* e) { e->output_shape[1] = 8; }, bad, {"output_shape"}}, good());
}

TEST(Errors, UnknownEnumerators) {
  const auto bad = StatusCode::invalid_argument;
  expect_wrong({[](Description* d) { d->layout = static_cast<tconv::Layout>(9); }, bad, {"layout", "9"}}, good());
  expect_wrong({[](Description* d) { d->data_type = static_cast<tconv::DataType>(7); }, bad, {"data_type", "7"}}, good());
  expect_wrong({[](Description* d) { d->auto_pad = static_cast<tconv::AutoPad>(5); }, bad, {"auto_pad", "5"}}, good());
  expect_wrong({[](Description* d) { d->activation.kind = static_cast<tconv::ActivationKind>(99); }, bad, {"activation", "99"}},
               good());
  expect_wrong(
      {[](Description* d) { d->input_activation.kind = static_cast<tconv::ActivationKind>(99); }, bad, {"input_activation", "99"}},
      good());

  const Floats weights(4096);
  tconv::Options options;
  options.algorithm = static_cast<tconv::Algorithm>(77);
  tconv::Status status = tconv::ConvTranspose::create(good(), weights.data(), nullptr, options).status();
  EXPECT_EQ(status.code(), bad) << status.message();
  EXPECT_NE(std::strstr(status.message(), "algorithm"), nullptr) << status.message();
  EXPECT_NE(std::strstr(status.message(), "77"), nullptr) << status.message();
  options = {};
  options.target = static_cast<tconv::Target>(88);
  status = tconv::ConvTranspose::create(good(), weights.data(), nullptr, options).status();
  EXPECT_EQ(status.code(), bad) << status.message();
  EXPECT_NE(std::strstr(status.message(), "target"), nullptr) << status.message();
  EXPECT_NE(std::strstr(status.message(), "88"), nullptr) << status.message();
}

TEST(Errors, WinogradOptions) {
  const std::vector<float> weights(4096);
  const auto expect = [&](const tconv::Options& options, StatusCode code, std::initializer_list<const char*> words) {
    const tconv::Status status = tconv::ConvTranspose::create(good(), weights.data(), nullptr, options).status();
    EXPECT_EQ(status.code(), code) << status.message();
    for (const char* word : words) EXPECT_NE(std::strstr(status.message(), word), nullptr) << status.message();
  };
  for (int outputs : {-1, 1, 8}) {
    tconv::Options options;
    options.winograd.outputs = outputs;
    expect(options, StatusCode::invalid_argument, {"winograd.outputs", std::to_string(outputs).c_str()});
  }
  tconv::Options options;
  options.winograd.accuracy = static_cast<tconv::WinogradAccuracy>(33);
  expect(options, StatusCode::invalid_argument, {"winograd.accuracy", "33"});
  options = {};
  options.winograd.grid = static_cast<tconv::WinogradOptions::Grid>(44);
  expect(options, StatusCode::invalid_argument, {"winograd.grid", "44"});
  for (tconv::Algorithm algorithm : {tconv::Algorithm::winograd, tconv::Algorithm::planar_winograd, tconv::Algorithm::strassen}) {
    options = {};
    options.algorithm = algorithm;
    options.winograd.accuracy = tconv::WinogradAccuracy::off;
    expect(options, StatusCode::unsupported, {tconv::algorithm_name(algorithm), "winograd.accuracy"});
    options.winograd.accuracy = tconv::WinogradAccuracy::standard;
    options.max_workspace_bytes = 1000;
    expect(options, StatusCode::unsupported, {tconv::algorithm_name(algorithm), "max_workspace_bytes"});
  }
}

TEST(Errors, ActivationParameters) {
  using Kind = tconv::ActivationKind;
  const auto bad = StatusCode::invalid_argument;
  const float nan = std::nanf("");
  expect_wrong({[](Description* d) {
                  d->activation = {Kind::clamp, 2, 1, nullptr};
                },
                bad,
                {"activation", "alpha", "2", "beta", "1"}},
               good());
  expect_wrong({[=](Description* d) { d->activation = {Kind::clamp, nan, 1, nullptr}; }, bad, {"activation", "nan"}}, good());
  expect_wrong({[=](Description* d) { d->activation = {Kind::clamp, 0, nan, nullptr}; }, bad, {"activation", "nan"}}, good());
  expect_wrong({[](Description* d) {
                  d->activation = {Kind::prelu, 0, 0, nullptr};
                },
                bad,
                {"activation", "slopes", "nullptr"}},
               good());
  for (Kind kind :
       {Kind::clamp, Kind::prelu, Kind::tanh, Kind::sigmoid, Kind::silu, Kind::gelu, Kind::hard_swish, Kind::softplus}) {
    expect_wrong({[=](Description* d) {
                    d->input_activation = {kind, 0, 1, nullptr};
                  },
                  bad,
                  {"input_activation", std::to_string(static_cast<int>(kind))}},
                 good());
  }
}

TEST(Errors, Pitches) {
  const auto bad = StatusCode::invalid_argument;
  struct Tensor {
    const char* name;
    tconv::Pitch Description::*pitch;
    int64_t channels, width, height;
  };
  const Tensor tensors[] = {{"input_pitch", &Description::input_pitch, 4, 5, 5},
                            {"output_pitch", &Description::output_pitch, 6, 11, 11},
                            {"residual_pitch", &Description::residual_pitch, 6, 11, 11}};
  struct Level {
    const char* name;
    int64_t tconv::Pitch::*field;
    int64_t least;
  };
  for (tconv::Layout layout : {tconv::Layout::nchw, tconv::Layout::nhwc}) {
    for (const Tensor& t : tensors) {
      const int64_t row = layout == tconv::Layout::nhwc ? t.width * t.channels : t.width;
      const Level nhwc[] = {{"pixel", &tconv::Pitch::pixel, t.channels},
                            {"row", &tconv::Pitch::row, row},
                            {"plane", &tconv::Pitch::plane, row * t.height},
                            {"batch", &tconv::Pitch::batch, row * t.height}};
      const Level nchw[] = {{"row", &tconv::Pitch::row, row},
                            {"plane", &tconv::Pitch::plane, row * t.height},
                            {"channel", &tconv::Pitch::channel, row * t.height},
                            {"batch", &tconv::Pitch::batch, row * t.height * t.channels}};
      Description d = good();
      d.layout = layout;
      d.residual = true;
      for (const Level& level : layout == tconv::Layout::nhwc ? nhwc : nchw) {
        for (int64_t value : {level.least - 1, int64_t{1}, int64_t{-1}, smallest}) {
          const std::string field = std::string(t.name) + "." + level.name;
          expect_wrong({[&](Description* e) { e->*t.pitch.*level.field = value; }, bad, {field, std::to_string(value)}}, d);
        }
        tconv::Geometry geometry;
        Description least = d;
        least.*t.pitch.*level.field = level.least;
        EXPECT_TRUE(tconv::resolve(least, &geometry).ok()) << t.name << '.' << level.name;
        // So wide that the last element lies beyond 63 bits.
        Description wide = d;
        wide.*t.pitch.*level.field = largest / 2;
        const tconv::Status status = tconv::resolve(wide, &geometry);
        EXPECT_EQ(status.code(), StatusCode::overflow) << t.name << '.' << level.name << ": " << status.message();
        EXPECT_NE(std::strstr(status.message(), t.name), nullptr) << status.message();
      }
      int64_t tconv::Pitch::*const unit = layout == tconv::Layout::nhwc ? &tconv::Pitch::channel : &tconv::Pitch::pixel;
      const char* const unit_name = layout == tconv::Layout::nhwc ? "channel" : "pixel";
      for (int64_t value : {int64_t{2}, int64_t{-1}, largest}) {
        expect_wrong({[&](Description* e) { e->*t.pitch.*unit = value; }, bad, {t.name, unit_name, std::to_string(value)}}, d);
      }
    }
  }
}

TEST(Errors, OverflowAtEachLevel) {
  const auto overflow = StatusCode::overflow;
  const Description plain;  // all sizes 1
  const auto two = [](int exponent) { return int64_t{1} << exponent; };
  expect_wrong({[=](Description* d) { d->axis[0].stride = two(62), d->axis[0].input = 3; }, overflow, {"axis[0]"}}, plain);
  expect_wrong({[=](Description* d) { d->axis[1].stride = largest, d->axis[1].input = 2; }, overflow, {"axis[1]"}}, plain);
  expect_wrong({[=](Description* d) { d->axis[1].dilation = two(62), d->axis[1].kernel = 3; }, overflow, {"axis[1]"}}, plain);
  expect_wrong({[=](Description* d) { d->axis[0].kernel = largest, d->axis[0].input = 2; }, overflow, {"axis[0]"}}, plain);
  expect_wrong(
      {[=](Description* d) { d->axis[0].stride = two(62), d->axis[0].input = 2, d->auto_pad = tconv::AutoPad::same_upper; },
       overflow,
       {"axis[0]"}},
      plain);
  expect_wrong({[=](Description* d) { d->batch = two(31), d->in_channels = two(30); }, overflow, {"input"}}, plain);
  expect_wrong({[=](Description* d) { d->axis[0].input = two(31), d->axis[1].input = two(31); }, overflow, {"put"}}, plain);
  expect_wrong(
      {[=](Description* d) { d->out_channels = two(40), d->axis[1].stride = two(21), d->axis[1].input = 3; }, overflow, {"output"}},
      plain);
  expect_wrong({[=](Description* d) { d->in_channels = d->out_channels = two(31); }, overflow, {"weights"}}, plain);
  expect_wrong({[=](Description* d) {
                  for (int a = 0; a < 2; ++a) d->axis[a].kernel = two(32), d->axis[a].pad_begin = two(32) - 1;
                },
                overflow,
                {"weights"}},
               plain);
  expect_wrong(
      {[=](Description* d) { d->axis[0].input = d->axis[1].input = two(20), d->out_channels = two(18), d->in_channels = 64; },
       overflow,
       {"multiplications"}},
      plain);
}

}  // namespace
}  // namespace tconv_test
