// Prints the tables of docs/winograd.md and of Strassen in docs/algorithms.md as Markdown: the errors of every variant, or what
// limits of memory cost.
//
//     winograd_tables errors [--channels N] [--target NAME]
//     winograd_tables strassen [--target NAME]
//     winograd_tables memory [--target NAME]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
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

void print_strassen(tconv::Target target) {
  std::printf("\nstrassen, kernel = stride = 2, %s\n\n| input channels |", tconv::target_name(target));
  for (const Numbers n : all_numbers) std::printf(" %s | direct |", numbers_name(n));
  std::printf("\n|---|");
  for (int i = 0; i < 8; ++i) std::printf("---|");
  std::printf("\n");
  tconv::Options options;
  options.target = target;
  options.algorithm = tconv::Algorithm::strassen;
  for (const int64_t channels : {32, 128, 256, 512, 1024, 2048, 8192}) {
    std::printf("| %d |", static_cast<int>(channels));
    for (const Numbers n : all_numbers) {
      const Measurement m(describe({2, 1, 2, 2, 0}, channels, 32, 14, tconv::Layout::nhwc), n, 1);
      Errors e;
      std::string variant;
      if (!m.measure(options, &e, &variant)) continue;
      const Errors direct = m.direct(target);
      std::printf(" %.3g / %.3g | %.3g / %.3g |", 1e6 * e.max, 1e6 * e.rms, 1e6 * direct.max, 1e6 * direct.rms);
    }
    std::printf("\n");
  }
}

constexpr int quartile = 8;  // of the times taken

// One way to plan a layer, and its times.
struct Planned {
  tconv::Options options;
  std::string label;
  tconv::ConvTranspose op;
  std::vector<double> seconds;
};

struct MemoryLayer {
  const char* name;
  TapsLayer taps;
  int64_t in_channels, out_channels, input;
};

void print_memory(const MemoryLayer& layer, tconv::Target target) {
  const tconv::Description d = describe(layer.taps, layer.in_channels, layer.out_channels, layer.input, tconv::Layout::nhwc);
  const LayerSizes z = layer_sizes(d);
  const Floats weights(static_cast<size_t>(z.weight_elements()), 0.5f), x(static_cast<size_t>(z.input_elements()), 0.5f);
  Floats y(static_cast<size_t>(z.output_elements()));
  std::vector<Planned> ways;
  const auto add = [&](const char* label, const tconv::Options& options) {
    auto op = tconv::ConvTranspose::create(d, weights.data(), nullptr, options);
    if (op.ok()) ways.push_back({options, label, std::move(*op), {}});
  };
  tconv::Options options;
  options.target = target;
  options.algorithm = tconv::Algorithm::winograd;
  for (const auto& [label, limit] : {std::pair{"4 MiB", size_t{4} << 20}, std::pair{"1 MiB", size_t{1} << 20},
                                     std::pair{"256 KiB", size_t{256} << 10}, std::pair{"128 KiB", size_t{128} << 10}}) {
    options.max_workspace_bytes = limit;
    add(label, options);
  }
  options.max_workspace_bytes = tconv::Options{}.max_workspace_bytes;
  const size_t weight_bytes = weights.size() * sizeof(float);
  for (const auto& [label, times] : {std::pair{"4 MiB, packed 5x", 5}, std::pair{"4 MiB, packed 3x", 3}}) {
    options.max_packed_bytes = static_cast<size_t>(times) * weight_bytes;
    add(label, options);
  }
  options = {};
  options.target = target;
  options.algorithm = tconv::Algorithm::window_gemm;
  add("window_gemm", options);
  size_t most = 64;
  for (const Planned& way : ways) most = std::max(most, way.op.workspace_bytes());
  std::vector<unsigned char> workspace(most + 64);
  void* aligned = workspace.data();
  size_t space = workspace.size();
  if (std::align(64, most, aligned, space) == nullptr) return;
  for (int turn = 0; turn < 4 * quartile; ++turn) {
    for (Planned& way : ways) {
      const auto start = std::chrono::steady_clock::now();
      if (!way.op.run(x.data(), y.data(), aligned, most).ok()) return;
      way.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
  }
  // The lower quartile: what else the machine does comes and goes at the pace of the turns.
  double direct = 0;
  for (Planned& way : ways) {
    std::nth_element(way.seconds.begin(), way.seconds.begin() + quartile, way.seconds.end());
    direct = way.seconds[quartile];  // the last one
  }
  for (const Planned& way : ways) {
    std::printf("| %s | %s | %s | %.0f KiB | %.2f | %.2f |\n", layer.name, way.label.c_str(), way.op.plan().variant,
                static_cast<double>(way.op.workspace_bytes()) / 1024,
                static_cast<double>(way.op.packed_bytes()) / static_cast<double>(weight_bytes), direct / way.seconds[quartile]);
  }
}

int main_of(int count, char** arguments) {
  int64_t channels = 256;
  tconv::Target target = tconv::Target::automatic;
  const std::string what = count > 1 ? arguments[1] : "";
  for (int i = 2; i + 1 < count; i += 2) {
    if (std::strcmp(arguments[i], "--channels") == 0) channels = std::max(1L, std::strtol(arguments[i + 1], nullptr, 10));
    if (std::strcmp(arguments[i], "--target") == 0 && !tconv::target_from_name(arguments[i + 1], &target)) return 2;
  }
  if (!tconv::choose_target(target, &target).ok()) return 2;
  if (what == "errors") {
    print(tconv::Algorithm::winograd, 2, 5, channels, target);
    print(tconv::Algorithm::winograd, 1, 7, channels, target);
    print(tconv::Algorithm::planar_winograd, 2, 7, channels, target);
    return 0;
  }
  if (what == "strassen") {
    print_strassen(target);
    return 0;
  }
  if (what != "memory") return 2;
  std::printf(
      "| layer, NHWC, %s | limit | variant | workspace | packed / weights | speed / window_gemm's |\n|---|---|---|---|---|---|\n",
      tconv::target_name(target));
  for (const MemoryLayer& layer : {MemoryLayer{"k4 s2, 256 -> 128, 16 x 16", {2, 2, 4, 2, 1}, 256, 128, 16},
                                   MemoryLayer{"k4 s2, 128 -> 64, 64 x 64", {2, 2, 4, 2, 1}, 128, 64, 64},
                                   MemoryLayer{"k3 s2, 128 -> 64, 64 x 64", {2, 2, 3, 2, 1}, 128, 64, 64},
                                   MemoryLayer{"1-D k8 s4, 64 -> 32, 6400", {1, 2, 8, 4, 2}, 64, 32, 6400}}) {
    print_memory(layer, target);
  }
  return 0;
}

}  // namespace
}  // namespace tconv_test

int main(int count, char** arguments) { return tconv_test::main_of(count, arguments); }
