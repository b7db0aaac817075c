#include "tools/arith/json.hpp"

#include <algorithm>

#include "tools/arith/advice.hpp"
#include "tools/support/error.hpp"

namespace tools::arith {
namespace {

using Json = nlohmann::ordered_json;

Json equivalent_json(const tconv::Axis& axis) {
  const tconv::EquivalentConvolution e = tconv::equivalent_convolution(axis);
  return {{"kernel", e.kernel},
          {"stride", e.stride},
          {"dilation", e.dilation},
          {"pad_begin", e.pad_begin},
          {"pad_end", e.pad_end},
          {"inserted_zeros", e.inserted_zeros},
          {"stretched_input", e.stretched_input}};
}

Json phases_json(const tconv::Axis& axis) {
  Json phases = Json::array();
  for (int64_t r = 0; r < std::min(axis.stride, max_listed_phases); ++r) {
    const tconv::Phase p = tconv::phase_of(axis, r);
    phases.push_back({{"index", p.index},
                      {"taps", p.taps},
                      {"first_tap", p.first_tap},
                      {"tap_step", p.tap_step},
                      {"input_offset", p.input_offset},
                      {"input_step", p.input_step},
                      {"q_begin", p.q_begin},
                      {"q_end", p.q_end},
                      {"first_output", tconv::phase_output(axis, p, p.q_begin)},
                      {"outputs", p.q_end - p.q_begin}});
  }
  return phases;
}

Json convolution_json(const tconv::Axis& axis) {
  const tconv::ConvolutionAxis c = value_of(tconv::convolution_partner(axis));
  const int64_t windows = value_of(tconv::convolution_output(c));
  const tconv::SizeRange same = value_of(tconv::convolution_inputs_for(c, windows));
  return {{"input", c.input},
          {"output", windows},
          {"lost_remainder", value_of(tconv::lost_remainder(c))},
          {"inputs_with_this_output", {same.first, same.last}}};
}

}  // namespace

nlohmann::ordered_json to_json(const tconv::Axis& a) {
  return {{"input", a.input},
          {"kernel", a.kernel},
          {"stride", a.stride},
          {"dilation", a.dilation},
          {"pad_begin", a.pad_begin},
          {"pad_end", a.pad_end},
          {"output_padding", a.output_padding},
          {"output_size", output_of(a)}};
}

nlohmann::ordered_json to_json(const Layer& layer) {
  Json json;
  json["rank"] = layer.rank();
  bool all_listed = true;
  for (const tconv::Axis& axis : layer.axes) {
    const Json numbers = to_json(axis);
    for (const auto& [key, value] : numbers.items()) json[key].push_back(value);
    all_listed = all_listed && axis.stride <= max_listed_phases;
  }
  for (const tconv::Axis& axis : layer.axes) json["equivalent_convolution"].push_back(equivalent_json(axis));
  for (const tconv::Axis& axis : layer.axes) json["phases"].push_back(phases_json(axis));
  if (!all_listed) {
    for (const tconv::Axis& axis : layer.axes) {
      json["phases_listed"].push_back(std::min(axis.stride, max_listed_phases));
      json["phases_total"].push_back(axis.stride);
    }
  }
  const tconv::Multiplications m = value_of(tconv::count_multiplications(layer.axes.data(), layer.rank()));
  json["multiplications"] = {{"zero_insertion", m.zero_insertion},
                             {"inserted_zeros", m.inserted_zeros},
                             {"border_zeros", m.border_zeros},
                             {"phases", m.phases},
                             {"scatter", m.scatter},
                             {"cropped", m.cropped},
                             {"wasted_share", m.wasted_share()},
                             {"channel_pairs", layer.channel_pairs()}};
  for (const tconv::Axis& axis : layer.axes) json["guide_relationship"].push_back(tconv::guide::relationship_of(axis));
  for (const tconv::Axis& axis : layer.axes) json["convolution"].push_back(convolution_json(axis));
  json["warnings"] = Json::array();
  for (const Warning& w : warnings_of(layer)) {
    json["warnings"].push_back({{"code", w.code}, {"axis", w.axis}, {"message", w.message}});
  }
  return json;
}

int64_t output_of(const tconv::Axis& axis) {
  int64_t size = 0;
  if (const tconv::Status s = tconv::output_size(axis, "", &size); !s.ok()) throw Error(ExitCode::bad_input, s.message());
  return size;
}

}  // namespace tools::arith
