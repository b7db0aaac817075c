// Small ONNX models and test cases, written with ONNX's own protocol buffers.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace tconv_test {

using Dims = std::vector<int64_t>;
using Names = std::vector<std::string>;

class ModelFile {
 public:
  explicit ModelFile(int64_t opset = 13);

  onnx::NodeProto* node(const std::string& op, const Names& inputs, const Names& outputs);
  void input(const std::string& name, const Dims& dims, int32_t type = onnx::TensorProto::FLOAT);  // negative: dynamic
  void output(const std::string& name);
  onnx::TensorProto* initializer(const std::string& name, const Dims& dims, const std::vector<float>& values);

  std::string bytes() const { return model.SerializeAsString(); }
  std::string save(const std::string& path) const;

  onnx::ModelProto model;
};

void set(onnx::NodeProto* node, const std::string& name, const Dims& values);
void set(onnx::NodeProto* node, const std::string& name, int64_t value);
void set(onnx::NodeProto* node, const std::string& name, float value);
void set(onnx::NodeProto* node, const std::string& name, const std::string& value);

onnx::TensorProto tensor_proto(const std::string& name, const Dims& dims, const std::vector<float>& values);
// A .npy file, version 1.0, put together here and not by the code under test. `descr` such as "<f4"; `data` raw.
std::string npy_bytes(const Dims& dims, const std::string& descr, const std::string& data, bool fortran_order = false,
                      int version = 1);
std::string raw(const std::vector<float>& values);
std::vector<float> floats_at(const std::string& bytes, size_t offset);

int64_t count(const Dims& dims);
std::vector<float> random_floats(std::mt19937_64* random, int64_t count, float low = -1, float high = 1);

}  // namespace tconv_test
