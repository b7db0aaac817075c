#include <cstdarg>
#include <cstdio>

#include "tconv/types.hpp"

namespace tconv {

Status Status::error(StatusCode code, const char* format, ...) {
  Status status;
  status.code_ = code;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(status.message_, max_message, format, arguments);
  va_end(arguments);
  return status;
}

}  // namespace tconv
