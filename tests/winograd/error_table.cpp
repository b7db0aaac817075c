// Prints the tables of docs/winograd.md as Markdown: the errors of every variant.
//
//     winograd_error_table [--channels N] [--target NAME]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "winograd/errors.hpp"

namespace tconv_test {
namespace {

struct Row {
  Errors errors[4];
  Errors direct[4];
  bool strict = false;
};

// Both of the layer on which a variant's errors are the largest.
void keep_larger(const Errors& e, const Errors& direct, Row* row, size_t i) {
  if (e.max > row->errors[i].max) row->errors[i].max = e.max, row->direct[i].max = direct.max;
  if (e.rms > row->errors[i].rms) row->errors[i].rms = e.rms, row->direct[i].rms = direct.rms;
}

void print(tconv::Algorithm algorithm, int rank, int64_t most_taps, int64_t channels, tconv::Target target) {
  std::map<std::string, Row> rows;
  const bool planar = algorithm == tconv::Algorithm::planar_winograd;
  for (int64_t taps = 2; taps <= most_taps; ++taps) {
    for (const TapsLayer& layer : layers_of_taps(rank, taps)) {
      for (size_t i = 0; i < 4; ++i) {
        const auto layout = planar ? tconv::Layout::nchw : tconv::Layout::nhwc;
        const Measurement m(describe(layer, channels, planar ? 4 : 16, rank == 1 ? 400 : 20, layout), all_numbers[i], 1);
        const Errors direct = m.direct(target);
        const auto measure = [&](const tconv::Options& options, bool strict) {
          Errors e;
          std::string variant;
          if (!m.measure(options, &e, &variant)) return;
          Row& row = rows[variant];
          keep_larger(e, direct, &row, i);
          row.strict |= strict;
        };
        for_each_variant(algorithm, tconv::WinogradAccuracy::strict, target, [&](const auto& o) { measure(o, true); });
        for_each_variant(algorithm, tconv::WinogradAccuracy::standard, target, [&](const auto& o) { measure(o, false); });
      }
    }
  }
  std::printf("\n%s, %d-D, %d input channels, %s\n\n| variant | class |", tconv::algorithm_name(algorithm), rank,
              static_cast<int>(channels), tconv::target_name(target));
  for (const Numbers n : all_numbers) std::printf(" %s | direct |", numbers_name(n));
  std::printf("\n|---|---|");
  for (int i = 0; i < 8; ++i) std::printf("---|");
  std::printf("\n");
  for (const auto& [variant, row] : rows) {
    std::printf("| %s | %s |", variant.c_str(), row.strict ? "strict" : "standard");
    for (size_t i = 0; i < 4; ++i) {
      std::printf(" %.3g / %.3g | %.3g / %.3g |", 1e6 * row.errors[i].max, 1e6 * row.errors[i].rms, 1e6 * row.direct[i].max,
                  1e6 * row.direct[i].rms);
    }
    std::printf("\n");
  }
}

int main_of(int count, char** arguments) {
  int64_t channels = 256;
  tconv::Target target = tconv::Target::automatic;
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(arguments[i], "--channels") == 0) channels = std::max(1L, std::strtol(arguments[i + 1], nullptr, 10));
    if (std::strcmp(arguments[i], "--target") == 0 && !tconv::target_from_name(arguments[i + 1], &target)) return 2;
  }
  if (!tconv::choose_target(target, &target).ok()) return 2;
  print(tconv::Algorithm::winograd, 2, 5, channels, target);
  print(tconv::Algorithm::winograd, 1, 7, channels, target);
  print(tconv::Algorithm::planar_winograd, 2, 7, channels, target);
  return 0;
}

}  // namespace
}  // namespace tconv_test

int main(int count, char** arguments) { return tconv_test::main_of(count, arguments); }
