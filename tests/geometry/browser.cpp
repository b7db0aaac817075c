#include "browser.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace tconv {
namespace {

// Standard output of a command; its exit status in `*status`.
std::string output_of(const std::string& command, int* status) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string text;
  char buffer[65536];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  *status = pclose(pipe);
  return text;
}

}  // namespace

std::string find_browser() {
  if (const char* named = std::getenv("TCONV_CHROMIUM")) return named;
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (std::system((std::string("command -v ") + name + " >/dev/null 2>&1").c_str()) == 0) return name;
  }
  return "";
}

std::string dump_document(const std::string& browser, const std::string& file) {
  // Its own profile, so that browsers of parallel tests do not wait for each other. Without a sandbox, which root does not get.
  const TemporaryFolder profile;
  const std::string command =
      "timeout 120 " + browser +
      " --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=" + profile.path("profile") +
      " --dump-dom file://" + file + " 2>" + profile.path("errors");
  int status = 0;
  std::string text = output_of(command, &status);
  if (status != 0) throw std::runtime_error(command + ": status " + std::to_string(status));
  return text;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tconv-page-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tconv
