#include "support/model_file.hpp"

#include <cstring>

#include "support/scratch.hpp"

namespace tconv_test {

ModelFile::ModelFile(int64_t opset) {
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name("test");
}

onnx::NodeProto* ModelFile::node(const std::string& op, const Names& inputs, const Names& outputs) {
  onnx::NodeProto* node = model.mutable_graph()->add_node();
  node->set_op_type(op);
  for (const std::string& name : inputs) node->add_input(name);
  for (const std::string& name : outputs) node->add_output(name);
  return node;
}

void ModelFile::input(const std::string& name, const Dims& dims, int32_t type) {
  onnx::ValueInfoProto* info = model.mutable_graph()->add_input();
  info->set_name(name);
  info->mutable_type()->mutable_tensor_type()->set_elem_type(type);
  for (int64_t size : dims) {
    auto* dim = info->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim();
    if (size >= 0) dim->set_dim_value(size);
  }
}

void ModelFile::output(const std::string& name) {
  onnx::ValueInfoProto* info = model.mutable_graph()->add_output();
  info->set_name(name);
  info->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
}

onnx::TensorProto* ModelFile::initializer(const std::string& name, const Dims& dims, const std::vector<float>& values) {
  onnx::TensorProto* tensor = model.mutable_graph()->add_initializer();
  *tensor = tensor_proto(name, dims, values);
  return tensor;
}

std::string ModelFile::save(const std::string& path) const {
  write_text(path, bytes());
  return path;
}

void set(onnx::NodeProto* node, const std::string& name, const Dims& values) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INTS);
  for (int64_t value : values) attribute->add_ints(value);
}

void set(onnx::NodeProto* node, const std::string& name, int64_t value) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
}

void set(onnx::NodeProto* node, const std::string& name, float value) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::FLOAT);
  attribute->set_f(value);
}

void set(onnx::NodeProto* node, const std::string& name, const std::string& value) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::STRING);
  attribute->set_s(value);
}

onnx::TensorProto tensor_proto(const std::string& name, const Dims& dims, const std::vector<float>& values) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (int64_t size : dims) tensor.add_dims(size);
  tensor.set_raw_data(raw(values));
  return tensor;
}

std::string npy_bytes(const Dims& dims, const std::string& descr, const std::string& data, bool fortran_order, int version) {
  std::string shape;
  for (int64_t size : dims) shape += std::to_string(size) + ", ";
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': " + (fortran_order ? "True" : "False") + ", 'shape': (" + shape + "), }";
  header += std::string(20, ' ') + "\n";
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 255);
  return bytes + header + data;
}

std::string raw(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<float> floats_at(const std::string& bytes, size_t offset) {
  std::vector<float> values((bytes.size() - offset) / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data() + offset, values.size() * sizeof(float));
  return values;
}

int64_t count(const Dims& dims) {
  int64_t product = 1;
  for (int64_t size : dims) product *= size;
  return product;
}

std::vector<float> random_floats(std::mt19937_64* random, int64_t count, float low, float high) {
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = uniform(*random);
  return values;
}

}  // namespace tconv_test
