// A folder that goes away with its owner, and whole files as strings.
#pragma once

#include <string>
#include <vector>

namespace tconv_test {

class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& folder() const { return folder_; }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  // Writes a file and returns its path.
  std::string file(const std::string& name, const std::string& content) const;
  std::string make_folder(const std::string& name) const;
  // Names of what lies in the folder, sorted.
  std::vector<std::string> names() const;

 private:
  std::string folder_;
};

std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& content);

}  // namespace tconv_test
