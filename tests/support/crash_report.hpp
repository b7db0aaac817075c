// What was being computed when a guard page was touched: printed to stderr before the program dies.
#pragma once

#include <string>

namespace tconv_test {

struct Problem;
struct Variant;

// For its lifetime, a fault on this thread is reported with this problem and variant.
class CrashReport {
 public:
  CrashReport(const Problem& problem, const Variant& variant);
  ~CrashReport();
  CrashReport(const CrashReport&) = delete;
  CrashReport& operator=(const CrashReport&) = delete;

  // Goes into the reports of this thread until it is changed: a seed.
  static void set_place(const std::string& place);
};

}  // namespace tconv_test
