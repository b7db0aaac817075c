#include "tools/io/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "tools/support/error.hpp"

namespace tools {
namespace {

[[noreturn]] void cannot_read(const std::string& path, const std::string& why) {
  throw Error(ExitCode::bad_input, fmt::format("{}: {}", path, why));
}

[[noreturn]] void cannot_write(const std::string& path, const std::string& why) {
  throw Error(ExitCode::cannot_write, fmt::format("{}: cannot write: {}", path, why));
}

std::string folder_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Whether `path` is something that a rename must not replace: a device, a pipe, a socket.
bool is_special(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path, size_t limit) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) cannot_read(path, std::strerror(errno));
  if (S_ISDIR(info.st_mode)) cannot_read(path, "is a folder, not a file");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) cannot_read(path, std::strerror(errno));
  // A regular file's size is known; pipes are read until they end.
  std::vector<uint8_t> bytes;
  if (S_ISREG(info.st_mode) && static_cast<uint64_t>(info.st_size) <= limit) bytes.reserve(static_cast<size_t>(info.st_size) + 1);
  constexpr size_t step = size_t{1} << 20;
  for (;;) {
    const size_t old = bytes.size();
    const size_t want = bytes.capacity() > old ? std::min(bytes.capacity() - old, step) : step;
    bytes.resize(old + want);
    const size_t got = std::fread(bytes.data() + old, 1, want, file.get());
    bytes.resize(old + got);
    if (bytes.size() > limit) cannot_read(path, fmt::format("larger than {} bytes", limit));
    if (std::ferror(file.get())) cannot_read(path, std::strerror(errno));
    if (got < want) return bytes;
  }
}

void require_writable(const std::string& path) {
  if (path.empty()) cannot_write("output", "the name is empty");
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) cannot_write(path, "is a folder");
    if (access(path.c_str(), W_OK) != 0) cannot_write(path, std::strerror(errno));
    if (!S_ISREG(info.st_mode)) return;
  }
  const std::string folder = folder_of(path);
  if (stat(folder.c_str(), &info) != 0) cannot_write(path, fmt::format("folder {}: {}", folder, std::strerror(errno)));
  if (!S_ISDIR(info.st_mode)) cannot_write(path, fmt::format("{} is not a folder", folder));
  if (access(folder.c_str(), W_OK | X_OK) != 0) cannot_write(path, fmt::format("folder {}: {}", folder, std::strerror(errno)));
}

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  require_writable(path_);
  if (is_special(path_)) {
    stream_ = std::fopen(path_.c_str(), "wb");
    if (stream_ == nullptr) fail(errno);
    return;
  }
  // A link is followed: the file that it names is replaced, not the link.
  std::error_code error;
  if (std::filesystem::is_symlink(path_, error)) path_ = std::filesystem::weakly_canonical(path_, error).string();
  temporary_ = fmt::format("{}.{}.tmp", path_, getpid());
  const int descriptor = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    temporary_.clear();
    fail(errno);
  }
  stream_ = fdopen(descriptor, "wb");
  if (stream_ == nullptr) fail(errno);
}

OutputFile::~OutputFile() {
  if (stream_ != nullptr) std::fclose(stream_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::fail(int error) { cannot_write(path_, std::strerror(error)); }

void OutputFile::write(const void* data, size_t size) {
  if (size > 0 && std::fwrite(data, 1, size, stream_) != size) fail(errno);
}

void OutputFile::commit() {
  std::FILE* const stream = std::exchange(stream_, nullptr);
  const bool flushed = std::fflush(stream) == 0;
  const int error = errno;
  if (std::fclose(stream) != 0 && flushed) fail(errno);
  if (!flushed) fail(error);
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  temporary_.clear();
}

}  // namespace tools
