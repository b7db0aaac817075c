// A zero-initialised array on the heap, aligned to 64 bytes, that reports failure instead of throwing.
//
// Large ones lie in huge pages where the system has them: weights that stream by once would need a page table walk every 4 KiB,
// which costs more than the reading (1024 -> 512 channels, 4 x 4 pixels, AVX-512 in a virtual machine: 2.0 against 1.26 ms).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

// TCONV_BARE_METAL: there is no operating system to ask.
#if defined(__linux__) && !TCONV_BARE_METAL
#include <sys/mman.h>
#endif

namespace tconv {

template <typename T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }

  // Replaces the contents by `size` zeros. False, with the old contents kept, when there is no memory.
  [[nodiscard]] bool allocate(size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(size, sizeof(T), &bytes) || bytes > PTRDIFF_MAX - huge_page) return false;
    const size_t alignment = bytes >= 2 * huge_page ? huge_page : 64;
    void* const p = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
    if (p == nullptr) return false;
#ifdef MADV_HUGEPAGE
    // Whole pages only, so that no more memory is taken; where there are none, nothing is lost.
    if (alignment == huge_page) static_cast<void>(madvise(p, bytes / huge_page * huge_page, MADV_HUGEPAGE));
#endif
    std::memset(p, 0, bytes);
    std::free(data_);
    data_ = static_cast<T*>(p);
    size_ = size;
    return true;
  }

  // Forgets the last elements.
  void shrink(size_t size) { size_ = size; }

  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(T); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

 private:
  static constexpr size_t huge_page = size_t{2} << 20;

  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tconv
