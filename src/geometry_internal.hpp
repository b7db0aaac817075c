// Geometry that the public headers do not promise.
#pragma once

#include <cstdint>

#include "checked.hpp"
#include "tconv/geometry.hpp"

namespace tconv::internal {

// output_size() without its limit on output_padding: an output_shape or SAME padding may ask for more cells at the end.
Status cropped_output_size(const Axis& axis, const char* name, int64_t* size);

// s * (i - 1) + d * (k - 1) + 1: what the inputs reach before padding cuts and output padding adds.
Checked reach(int64_t input, int64_t kernel, int64_t stride, int64_t dilation);

// "NAMEfield = value: rule".
Status field_error(const char* name, const char* field, int64_t value, const char* rule);

// The rules that every layer, ordinary or transposed, obeys: k, s, d >= 1; p >= 0.
Status check_shared_fields(const char* name, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad_begin, int64_t pad_end);

}  // namespace tconv::internal
