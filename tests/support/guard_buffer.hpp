// Memory that ends (or begins) exactly at a page that may not be touched: one element too far is a fault, in any code.
#pragma once

#include <cstddef>

namespace tconv_test {

// Which side of the buffer lies at the forbidden page. The other side is followed by bytes of a known pattern.
enum class Placement { ends_at_guard, begins_at_guard };

class GuardBuffer {
 public:
  // With `alignment` > 1 the end may stay up to alignment - 1 bytes away from the forbidden page; that gap holds the pattern too.
  GuardBuffer(size_t bytes, Placement placement, size_t alignment = 1);
  ~GuardBuffer();
  GuardBuffer(const GuardBuffer&) = delete;
  GuardBuffer& operator=(const GuardBuffer&) = delete;

  void* data() const { return data_; }
  float* floats() const { return static_cast<float*>(data()); }
  size_t bytes() const { return bytes_; }
  // False when the bytes next to the buffer, on the side without the guard page, were written.
  bool surroundings_intact() const;

 private:
  unsigned char* mapping_ = nullptr;  // guard page, `pages_` pages, guard page
  size_t pages_ = 0;
  unsigned char* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace tconv_test
