// A dense tensor of floats, and the element types of files that are converted to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace tools {

// Element types that the readers take. All become float: float16 and bfloat16 exactly, float64 rounded to nearest.
enum class ElementType : uint8_t { f32, f16, bf16, f64 };

constexpr size_t element_bytes(ElementType type) { return type == ElementType::f64 ? 8 : type == ElementType::f32 ? 4 : 2; }
const char* element_name(ElementType type);

// Row-major, outermost dimension first; an empty shape is a scalar of one element.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> data;
  ElementType stored = ElementType::f32;  // what the file held
};

// Product of the dimensions; nothing when one is negative or the product of bytes does not fit in 63 bits.
std::optional<int64_t> element_count(const std::vector<int64_t>& shape);

// Converts `count` elements at `bytes` (any alignment); `swap`: the bytes are big-endian.
std::vector<float> decode_elements(const uint8_t* bytes, size_t count, ElementType type, bool swap = false);

// Unit round-off of a type: half the distance between 1 and the next number.
double unit_roundoff(ElementType type);

}  // namespace tools
