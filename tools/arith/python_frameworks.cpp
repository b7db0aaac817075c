// PyTorch and TensorFlow say padding differently from ONNX: PyTorch has one number for both ends, TensorFlow the words SAME and
// VALID. What they cannot say directly is computed larger and sliced.
#include <fmt/format.h>

#include <algorithm>

#include "tools/arith/spelling.hpp"

namespace tools::arith {
namespace {

using tconv::Axis;

std::string tuple_of(const std::vector<int64_t>& values) {
  return fmt::format(values.size() == 1 ? "({},)" : "({})", list_of(values));
}

// "x[..., 1:5, 0:4]" on channels-first tensors or "x[:, 1:5, 0:4, :]" on channels-last ones; empty when nothing is cut off.
struct Slice {
  std::vector<int64_t> begin, size;
  bool any = false;
  void add(int64_t first, int64_t wanted, int64_t computed) {
    begin.push_back(first);
    size.push_back(wanted);
    any = any || first != 0 || wanted != computed;
  }
  std::string text(const char* before, const char* after) const {
    if (!any) return "";
    std::string s = before;
    for (size_t a = 0; a < begin.size(); ++a) s += fmt::format("{}{}:{}", a == 0 ? "" : ", ", begin[a], begin[a] + size[a]);
    return s + after;
  }
};

// TensorFlow's paddings belong to the ordinary convolution that turns `output` into the input; -1: this word does not fit.
int64_t valid_begin(const Axis& a, int64_t output) {
  const int64_t least = a.stride * (a.input - 1) + tconv::effective_kernel(a.kernel, a.dilation);
  return a.pad_begin == 0 && output >= least && output - least < a.stride ? 0 : -1;
}
int64_t same_begin(const Axis& a, int64_t output) {
  const int64_t beyond = output - a.stride * (a.input - 1);  // past the last input's first product
  if (beyond < 1 || beyond > a.stride) return -1;
  return std::max<int64_t>(0, a.stride * (a.input - 1) + tconv::effective_kernel(a.kernel, a.dilation) - output) / 2;
}

struct Words {
  std::string padding;  // "SAME", "VALID"; empty when not even slicing helps
  std::vector<int64_t> computed;
  Slice slice;
};

Words words_for(const Layer& layer) {
  const std::vector<int64_t> outputs = outputs_of(layer);
  bool valid = true, same = true;
  for (size_t a = 0; a < layer.axes.size(); ++a) {
    valid = valid && valid_begin(layer.axes[a], outputs[a]) == 0;
    same = same && same_begin(layer.axes[a], outputs[a]) == layer.axes[a].pad_begin;
  }
  Words words{same ? "SAME" : "VALID", {}, {}};
  for (size_t a = 0; a < layer.axes.size(); ++a) {
    const Axis& axis = layer.axes[a];
    const int64_t least = axis.stride * (axis.input - 1) + tconv::effective_kernel(axis.kernel, axis.dilation);
    const int64_t computed = same || valid ? outputs[a] : std::max(least, axis.pad_begin + outputs[a]);
    if (!same && !valid && computed - least >= axis.stride) return {};
    words.computed.push_back(computed);
    words.slice.add(same || valid ? 0 : axis.pad_begin, outputs[a], computed);
  }
  return words;
}

}  // namespace

Spelling spell_pytorch(const Layer& layer) {
  std::vector<int64_t> padding, output_padding;
  Slice slice;
  for (const Axis& a : layer.axes) {
    const int64_t size = output_of(a);
    // One padding for both ends; a difference can hide in the output padding, whose cells PyTorch computes like all others.
    int64_t p = a.pad_begin, op = a.output_padding + a.pad_begin - a.pad_end, begin = 0;
    int64_t computed = size;
    if (op < 0) {  // more cut off at the end: compute those cells, slice them off
      computed = size - op;
      op = 0;
    } else if (op >= std::max(a.stride, a.dilation)) {  // more at the beginning than output padding can make up for
      p = a.pad_end;
      begin = a.pad_begin - a.pad_end;
      computed = size + begin;
      op = a.output_padding;
    }
    padding.push_back(p);
    output_padding.push_back(op);
    slice.add(begin, size, computed);
  }
  const std::string code = fmt::format(
      "layer = torch.nn.ConvTranspose{}d({}, {}, kernel_size={}, stride={},\n"
      "                                 padding={}, output_padding={}, groups={}, dilation={})\ny = layer(x){}",
      layer.rank(), layer.in_channels, layer.out_channels, tuple_of([&] {
        std::vector<int64_t> k;
        for (const Axis& a : layer.axes) k.push_back(a.kernel);
        return k;
      }()),
      fmt::format("({}{})", list_of(layer, &Axis::stride), layer.rank() == 1 ? "," : ""), tuple_of(padding),
      tuple_of(output_padding), layer.groups, fmt::format("({}{})", list_of(layer, &Axis::dilation), layer.rank() == 1 ? "," : ""),
      slice.text("[..., ", "]"));
  return {"pytorch", "[Cin, Cout / groups, kernel...]", code,
          slice.any ? "PyTorch pads both ends alike: more is computed and sliced off" : ""};
}

Spelling spell_tensorflow(const Layer& layer) {
  const char* weights = "[kernel..., Cout, Cin]";
  if (layer.groups > 1)
    return {"tensorflow", weights, "", "tf.nn.conv*_transpose has no groups: split the channels, one call each"};
  const Words words = words_for(layer);
  if (words.padding.empty()) {
    return {"tensorflow", weights, "", "the outputs behind the last product cannot be asked for: pad the result with the bias"};
  }
  std::vector<int64_t> shape = {layer.batch};
  shape.insert(shape.end(), words.computed.begin(), words.computed.end());
  shape.push_back(layer.out_channels);
  const std::string code =
      fmt::format("y = tf.nn.conv{}d_transpose(x, w, output_shape=[{}], strides=[{}], padding=\"{}\", dilations=[{}]){}",
                  layer.rank(), list_of(shape), list_of(layer, &Axis::stride), words.padding, list_of(layer, &Axis::dilation),
                  words.slice.text("[:, ", ", :]"));
  return {"tensorflow", weights, code,
          words.slice.any ? "neither SAME nor VALID is this padding: more is computed and sliced off" : ""};
}

Spelling spell_tflite(const Layer& layer) {
  const char* weights = "OHWI: [Cout, kernel..., Cin]";
  if (layer.rank() != 2) {
    return {"tflite", weights, "",
            layer.rank() == 1 ? "TRANSPOSE_CONV has two axes: add one of size 1" : "TRANSPOSE_CONV has two axes"};
  }
  if (layer.groups > 1) return {"tflite", weights, "", "TRANSPOSE_CONV has no groups: split the channels, one operator each"};
  for (const Axis& a : layer.axes) {
    if (a.dilation > 1) return {"tflite", weights, "", "TRANSPOSE_CONV has no dilation: put zeros into the kernel instead"};
  }
  const Words words = words_for(layer);
  if (words.padding.empty()) return {"tflite", weights, "", "the outputs behind the last product cannot be asked for: use PAD"};
  std::string code =
      fmt::format("TRANSPOSE_CONV(output_shape=[{}, {}, {}], stride_h={}, stride_w={}, padding={})", layer.batch,
                  list_of(words.computed), layer.out_channels, layer.axes[0].stride, layer.axes[1].stride, words.padding);
  if (words.slice.any) {
    code += fmt::format(" -> SLICE(begin=[0, {}, 0], size=[{}, {}, {}])", list_of(words.slice.begin), layer.batch,
                        list_of(words.slice.size), layer.out_channels);
  }
  return {"tflite", weights, code,
          words.slice.any ? "neither SAME nor VALID is this padding: more is computed and sliced off" : ""};
}

}  // namespace tools::arith
