#include "tools/onnx/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tools {
namespace {

float half_to_float(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  float magnitude = 0;
  if (exponent == 31) {
    magnitude = mantissa == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

template <typename T>
T load(const uint8_t* bytes, bool swap) {
  uint8_t copy[sizeof(T)];
  std::memcpy(copy, bytes, sizeof(T));
  if (swap) std::reverse(copy, copy + sizeof(T));
  T value;
  std::memcpy(&value, copy, sizeof(T));
  return value;
}

float decode(const uint8_t* bytes, ElementType type, bool swap) {
  switch (type) {
    case ElementType::f16:
      return half_to_float(load<uint16_t>(bytes, swap));
    case ElementType::bf16: {
      const uint32_t bits = static_cast<uint32_t>(load<uint16_t>(bytes, swap)) << 16;
      float value;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    case ElementType::f64:
      return static_cast<float>(load<double>(bytes, swap));
    case ElementType::f32:
      break;
  }
  return load<float>(bytes, swap);
}

}  // namespace

const char* element_name(ElementType type) {
  constexpr const char* names[] = {"float32", "float16", "bfloat16", "float64"};
  return names[static_cast<int>(type)];
}

std::optional<int64_t> element_count(const std::vector<int64_t>& shape) {
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0) return std::nullopt;
    empty |= size == 0;
  }
  if (empty) return 0;
  int64_t count = 1;
  for (int64_t size : shape) {
    if (__builtin_mul_overflow(count, size, &count)) return std::nullopt;
  }
  if (count > std::numeric_limits<int64_t>::max() / static_cast<int64_t>(sizeof(double))) return std::nullopt;
  return count;
}

std::vector<float> decode_elements(const uint8_t* bytes, size_t count, ElementType type, bool swap) {
  std::vector<float> values(count);
  if (type == ElementType::f32 && !swap) {
    if (count > 0) std::memcpy(values.data(), bytes, count * sizeof(float));
    return values;
  }
  const size_t size = element_bytes(type);
  for (size_t i = 0; i < count; ++i) values[i] = decode(bytes + i * size, type, swap);
  return values;
}

double unit_roundoff(ElementType type) {
  switch (type) {
    case ElementType::f16:
      return std::ldexp(1.0, -11);
    case ElementType::bf16:
      return std::ldexp(1.0, -8);
    case ElementType::f32:
    case ElementType::f64:  // computed in float all the same
      break;
  }
  return std::ldexp(1.0, -24);
}

}  // namespace tools
