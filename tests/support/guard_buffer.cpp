#include "support/guard_buffer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

namespace tconv_test {
namespace {

constexpr unsigned char pattern = 0xA5;
constexpr size_t pattern_reach = 256;  // bytes beside the buffer that are watched

// Mappings are kept for the next buffer of the same size: a test makes tens of thousands.
std::mutex mutex;
std::multimap<size_t, unsigned char*>& idle_mappings() {
  static std::multimap<size_t, unsigned char*> mappings;
  return mappings;
}

size_t page_size() {
  static const size_t size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

unsigned char* map_pages(size_t pages) {
  std::lock_guard<std::mutex> lock(mutex);
  if (const auto found = idle_mappings().find(pages); found != idle_mappings().end()) {
    unsigned char* const mapping = found->second;
    idle_mappings().erase(found);
    return mapping;
  }
  void* const mapping = mmap(nullptr, (pages + 2) * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED ||
      mprotect(static_cast<unsigned char*>(mapping) + page_size(), pages * page_size(), PROT_READ | PROT_WRITE) != 0) {
    std::perror("guard buffer");
    std::abort();
  }
  return static_cast<unsigned char*>(mapping);
}

}  // namespace

GuardBuffer::GuardBuffer(size_t bytes, Placement placement, size_t alignment) : bytes_(bytes) {
  pages_ = (bytes + alignment + pattern_reach + page_size() - 1) / page_size();
  mapping_ = map_pages(pages_);
  unsigned char* const first = mapping_ + page_size();
  unsigned char* const end = first + pages_ * page_size();
  data_ = first;
  if (placement == Placement::ends_at_guard) {
    data_ = end - bytes;
    data_ -= reinterpret_cast<uintptr_t>(data_) % alignment;
  }
  std::fill(std::max(first, data_ - std::min<size_t>(data_ - first, pattern_reach)), data_, pattern);
  std::fill(data_ + bytes, data_ + bytes + std::min<size_t>(end - (data_ + bytes), pattern_reach), pattern);
}

GuardBuffer::~GuardBuffer() {
  constexpr size_t largest_kept = 256;     // pages
  constexpr size_t most_kept = 4096;       // mappings
  std::fill(data_, data_ + bytes_, 0xff);  // NaNs for whoever kept a pointer
  std::lock_guard<std::mutex> lock(mutex);
  if (pages_ <= largest_kept && idle_mappings().size() < most_kept) {
    idle_mappings().emplace(pages_, mapping_);
  } else {
    munmap(mapping_, (pages_ + 2) * page_size());
  }
}

bool GuardBuffer::surroundings_intact() const {
  const unsigned char* const first = mapping_ + page_size();
  const unsigned char* const end = first + pages_ * page_size();
  const auto untouched = [](unsigned char byte) { return byte == pattern; };
  return std::all_of(data_ - std::min<size_t>(data_ - first, pattern_reach), data_, untouched) &&
         std::all_of(data_ + bytes_, data_ + bytes_ + std::min<size_t>(end - (data_ + bytes_), pattern_reach), untouched);
}

}  // namespace tconv_test
