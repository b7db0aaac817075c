// Files: read whole; written under a temporary name and renamed, so that no reader ever sees half a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace tools {

// Throws Error(bad_input) naming the file when it cannot be opened, is a folder, or holds more than `limit` bytes.
std::vector<uint8_t> read_file(const std::string& path, size_t limit = size_t{2} << 30);

// Throws Error(cannot_write) when `path` is a folder or lies in a folder that does not exist or cannot be written: to be asked
// before long work starts.
void require_writable(const std::string& path);

// A file that exists under its name only once commit() has returned. Devices and pipes (/dev/stdout) are written directly.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, size_t size);
  void commit();
  std::FILE* stream() { return stream_; }

 private:
  [[noreturn]] void fail(int error);
  std::string path_;
  std::string temporary_;  // empty: written directly
  std::FILE* stream_ = nullptr;
};

}  // namespace tools
