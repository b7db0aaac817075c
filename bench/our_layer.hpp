// Our operator on one layer, set up once for all programs that run it: the bench, the runner behind the scripts, and the counters
// of instructions.
#pragma once

#include <string>

#include "bench/case.hpp"
#include "tconv/conv_transpose.hpp"

namespace tconv::bench {

class OurLayer {
 public:
  struct Choice {
    Layout layout = Layout::nchw;
    Target target = Target::automatic;
    Algorithm algorithm = Algorithm::automatic;
    WinogradClass winograd = WinogradClass::standard;
    CacheSizes cache;  // zeros: detected
    Parallelism parallelism;
  };
  // `input` in the chosen layout, `weights` as ONNX has them, `bias` nullptr for none; input must live as long. Throws
  // std::runtime_error with the Status's message.
  OurLayer(const Layer& layer, const Choice& choice, const float* input, const float* weights, const float* bias);

  Status run() { return operation_.run(input_, output_.data(), workspace_.data(), workspace_bytes_, choice_.parallelism); }
  Buffer& output() { return output_; }
  Layout layout() const { return choice_.layout; }
  const char* algorithm() const { return algorithm_name(operation_.plan().algorithm); }
  Target target() const { return operation_.plan().target; }
  std::string variant() const;  // of a Winograd plan: "F(4,3) x F(4,3)"; else ""
  Accuracy accuracy() const;    // what may be asked of the results
  size_t packed_bytes() const { return operation_.packed_bytes(); }
  size_t workspace_bytes() const { return workspace_bytes_; }

 private:
  Choice choice_;
  const float* input_;
  ConvTranspose operation_;
  size_t workspace_bytes_ = 0;
  Buffer workspace_, output_;
};

}  // namespace tconv::bench
