#include "bench/reporter.hpp"

#include <unistd.h>

#include <algorithm>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace tconv::bench {

Reporter::Reporter(const std::string& json_path, const std::string& format)
    : path_(json_path), console_(benchmark::ConsoleReporter::OO_None) {
  if (path_.empty()) return;
  if (format == "json") {
    writer_ = std::make_unique<benchmark::JSONReporter>();
  } else if (format == "console") {
    writer_ = std::make_unique<benchmark::ConsoleReporter>(benchmark::ConsoleReporter::OO_None);
  } else {
    throw std::runtime_error("--benchmark_out_format=" + format + ": must be json or console");
  }
  temporary_ = path_ + ".part" + std::to_string(getpid());
  file_.open(temporary_);
  if (!file_) throw std::runtime_error(path_ + ": cannot be written: " + std::strerror(errno));
  writer_->SetOutputStream(&file_);
  writer_->SetErrorStream(&file_);
}

bool Reporter::ReportContext(const Context& context) {
  if (started_) return true;
  started_ = true;
  Context wide = context;
  wide.name_field_width = std::max<size_t>(wide.name_field_width, 64);
  console_.ReportContext(wide);
  if (writer_) writer_->ReportContext(context);
  return true;
}

void Reporter::ReportRuns(const std::vector<Run>& reported) {
  std::vector<Run> runs = reported, shown;
  for (Run& run : runs) {
    // The bench sets iterations and repetitions itself for slow contestants; names must not depend on that.
    run.run_name.iterations.clear();
    run.run_name.repetitions.clear();
    const bool single = run.run_type == Run::RT_Iteration && run.repetitions <= 1;
    if (run.error_occurred || single || run.aggregate_name == "median") shown.push_back(run);
  }
  if (!shown.empty()) console_.ReportRuns(shown);
  if (writer_) writer_->ReportRuns(runs);
  if (file_.is_open()) file_.flush();
}

std::string Reporter::finish() {
  if (!writer_) return "";
  if (!started_) {
    file_.close();
    std::remove(temporary_.c_str());
    return "";
  }
  writer_->Finalize();
  file_.close();
  if (!file_ || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const std::string why = path_ + ": cannot be written: " + std::strerror(errno);
    std::remove(temporary_.c_str());
    return why;
  }
  return "";
}

}  // namespace tconv::bench
