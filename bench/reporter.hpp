// Google Benchmark reports one call of RunSpecifiedBenchmarks() at a time; the bench makes one call a layer, so that only one
// layer's tensors are alive. This reporter strings the calls together: one table on the terminal, one JSON file.
#pragma once

#include <benchmark/benchmark.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace tconv::bench {

class Reporter : public benchmark::BenchmarkReporter {
 public:
  // json_path "" for none. The file is written under a temporary name and gets its own with finish().
  // quiet: medians only on the terminal.
  Reporter(const std::string& json_path, const std::string& format);
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override {}

  // "" or why the file could not be written.
  std::string finish();

 private:
  std::string path_, temporary_;
  std::ofstream file_;
  benchmark::ConsoleReporter console_;
  std::unique_ptr<benchmark::BenchmarkReporter> writer_;
  bool started_ = false;
};

}  // namespace tconv::bench
