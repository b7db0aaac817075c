// Pages in headless Chromium, when there is one.
#pragma once

#include <string>

namespace tconv {

// The browser's command; empty when none is installed. TCONV_CHROMIUM names another one.
std::string find_browser();

// Loads the file in the browser, lets its scripts run to the end, and returns the document as text. Throws std::runtime_error when
// the browser fails or takes longer than two minutes.
std::string dump_document(const std::string& browser, const std::string& file);

// A folder of this test's own, removed with all that lies in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace tconv
