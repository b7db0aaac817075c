#include "support/crash_report.hpp"

#include <signal.h>
#include <unistd.h>

#include "support/problem.hpp"

namespace tconv_test {
namespace {

thread_local const Problem* current_problem = nullptr;
thread_local const Variant* current_variant = nullptr;
thread_local std::string current_place;

struct sigaction before_segv, before_bus;

// Building a string is not safe in every signal handler, but the faults looked for are those of kernels, which hold no lock.
// The handler that was there before (the default, a sanitizer's) is put back and gets the fault again on return.
void report(int signal) {
  sigaction(SIGSEGV, &before_segv, nullptr);
  sigaction(SIGBUS, &before_bus, nullptr);
  static_cast<void>(signal);
  if (current_problem == nullptr) return;
  const std::string text = "fault beside a buffer, or in one that is gone\n  " + current_place + "\n  " +
                           to_string(current_problem->layer) + "\n  " + to_string(*current_variant) + "\n";
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

bool install() {
  struct sigaction action = {};
  action.sa_handler = report;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGSEGV, &action, &before_segv) == 0 && sigaction(SIGBUS, &action, &before_bus) == 0;
}

}  // namespace

CrashReport::CrashReport(const Problem& problem, const Variant& variant) {
  static const bool installed = install();
  static_cast<void>(installed);
  current_problem = &problem;
  current_variant = &variant;
}

CrashReport::~CrashReport() { current_problem = nullptr; }

void CrashReport::set_place(const std::string& place) { current_place = place; }

}  // namespace tconv_test
