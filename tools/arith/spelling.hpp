// The same layer in the words of other libraries, ready to paste.
#pragma once

#include <string>
#include <vector>

#include "tools/arith/layer.hpp"

namespace tools::arith {

struct Spelling {
  const char* framework;  // "onnx", "pytorch", "tensorflow", "tflite", "onednn", "tconv"
  std::string weights;    // order of the weight tensor's dimensions
  std::string code;       // one or more lines; empty when the layer cannot be said
  std::string note;       // what to know, or why it cannot be said; may be empty
};

std::vector<Spelling> spell(const Layer& layer);

Spelling spell_onnx(const Layer& layer);
Spelling spell_pytorch(const Layer& layer);
Spelling spell_tensorflow(const Layer& layer);
Spelling spell_tflite(const Layer& layer);
Spelling spell_onednn(const Layer& layer);
Spelling spell_tconv(const Layer& layer);

// "2, 2": one value per axis.
std::string list_of(const Layer& layer, int64_t tconv::Axis::*field);
std::string list_of(const std::vector<int64_t>& values);
std::vector<int64_t> outputs_of(const Layer& layer);

}  // namespace tools::arith
