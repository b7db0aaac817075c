#include "tools/arith/spelling.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/support/error.hpp"

namespace tools::arith {

std::string list_of(const std::vector<int64_t>& values) { return fmt::format("{}", fmt::join(values, ", ")); }

std::string list_of(const Layer& layer, int64_t tconv::Axis::*field) {
  std::vector<int64_t> values;
  for (const tconv::Axis& axis : layer.axes) values.push_back(axis.*field);
  return list_of(values);
}

std::vector<int64_t> outputs_of(const Layer& layer) {
  std::vector<int64_t> sizes;
  for (const tconv::Axis& axis : layer.axes) sizes.push_back(output_of(axis));
  return sizes;
}

Spelling spell_onnx(const Layer& layer) {
  std::string note;
  for (const tconv::Axis& axis : layer.axes) {
    if (axis.output_padding >= axis.stride)
      note = "onnxruntime refuses output_padding >= strides, which the ONNX text does not forbid";
  }
  const std::string code = fmt::format(
      "onnx.helper.make_node(\"ConvTranspose\", [\"x\", \"w\", \"b\"], [\"y\"], kernel_shape=[{}], strides=[{}], dilations=[{}],\n"
      "                      pads=[{}, {}], output_padding=[{}], group={})",
      list_of(layer, &tconv::Axis::kernel), list_of(layer, &tconv::Axis::stride), list_of(layer, &tconv::Axis::dilation),
      list_of(layer, &tconv::Axis::pad_begin), list_of(layer, &tconv::Axis::pad_end), list_of(layer, &tconv::Axis::output_padding),
      layer.groups);
  return {"onnx", "[Cin, Cout / group, kernel...]", code, note};
}

Spelling spell_tconv(const Layer& layer) {
  std::string code =
      fmt::format("tconv::Description d;\nd.rank = {}; d.batch = {}; d.in_channels = {}; d.out_channels = {}; d.groups = {};",
                  layer.rank(), layer.batch, layer.in_channels, layer.out_channels, layer.groups);
  for (int axis = 0; axis < layer.rank(); ++axis) {
    const tconv::Axis& a = layer.axes[static_cast<size_t>(axis)];
    code += fmt::format(
        "\nd.axis[{}].input = {}; d.axis[{}].kernel = {}; d.axis[{}].stride = {}; d.axis[{}].dilation = {};\n"
        "d.axis[{}].pad_begin = {}; d.axis[{}].pad_end = {}; d.axis[{}].output_padding = {};",
        axis, a.input, axis, a.kernel, axis, a.stride, axis, a.dilation, axis, a.pad_begin, axis, a.pad_end, axis,
        a.output_padding);
  }
  return {"tconv", "[Cin, Cout / groups, kernel...]", code, ""};
}

std::vector<Spelling> spell(const Layer& layer) {
  return {spell_onnx(layer),   spell_pytorch(layer), spell_tensorflow(layer),
          spell_tflite(layer), spell_onednn(layer),  spell_tconv(layer)};
}

}  // namespace tools::arith
