#include <fmt/format.h>

#include "tools/arith/spelling.hpp"

namespace tools::arith {

// oneDNN counts dilation from 0 and has no output padding: the destination's size says it, and the right padding takes it off.
Spelling spell_onednn(const Layer& layer) {
  std::vector<int64_t> dilates, right, source = {layer.batch, layer.in_channels}, destination = {layer.batch, layer.out_channels};
  std::vector<int64_t> weights = {layer.out_channels / layer.groups, layer.in_channels / layer.groups};
  if (layer.groups > 1) weights.insert(weights.begin(), layer.groups);
  bool negative = false, refused = false;
  for (const tconv::Axis& a : layer.axes) {
    dilates.push_back(a.dilation - 1);
    right.push_back(a.pad_end - a.output_padding);
    negative = negative || right.back() < 0;
    refused = refused || right.back() <= -a.stride;
    source.push_back(a.input);
    destination.push_back(output_of(a));
    weights.push_back(a.kernel);
  }
  const char* order = layer.groups > 1 ? "[groups, Cout / groups, Cin / groups, kernel...]" : "[Cout, Cin, kernel...]";
  if (refused) {
    return {"onednn", order, "",
            "oneDNN refuses a right padding of -stride or less: compute less output padding, fill the rest with the bias"};
  }
  const char* source_tag[] = {"ncw", "nchw", "ncdhw"};
  const char* weights_tag[] = {"oiw", "oihw", "oidhw"};
  const int r = layer.rank() - 1;
  const std::string code = fmt::format(
      "auto src = memory::desc({{{}}}, memory::data_type::f32, memory::format_tag::{});\n"
      "auto weights = memory::desc({{{}}}, memory::data_type::f32, memory::format_tag::{}{});\n"
      "auto bias = memory::desc({{{}}}, memory::data_type::f32, memory::format_tag::x);\n"
      "auto dst = memory::desc({{{}}}, memory::data_type::f32, memory::format_tag::{});\n"
      "deconvolution_forward::primitive_desc(engine, prop_kind::forward_inference, algorithm::deconvolution_direct, src, weights, "
      "bias,\n"
      "    dst, /*strides*/ memory::dims{{{}}}, /*dilates*/ memory::dims{{{}}}, /*padding_l*/ memory::dims{{{}}}, /*padding_r*/ "
      "memory::dims{{{}}});",
      list_of(source), source_tag[r], list_of(weights), layer.groups > 1 ? "g" : "", weights_tag[r], layer.out_channels,
      list_of(destination), source_tag[r], list_of(layer, &tconv::Axis::stride), list_of(dilates),
      list_of(layer, &tconv::Axis::pad_begin), list_of(right));
  return {"onednn", order, code, negative ? "the right padding is negative because output cells are added there" : ""};
}

}  // namespace tools::arith
