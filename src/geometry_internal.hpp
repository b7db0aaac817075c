// Geometry that the public header does not promise.
#pragma once

#include "tconv/geometry.hpp"

namespace tconv::internal {

// output_size() without its limit on output_padding: an output_shape or SAME padding may ask for more cells at the end.
Status cropped_output_size(const Axis& axis, const char* name, int64_t* size);

}  // namespace tconv::internal
