// Times every layer of a suite with our operator and with the peers, in one process, on one core, interleaved.
//
// Rows are Google Benchmark's: f32/LAYOUT/LAYER/ALGORITHM/threads:N for us, f32/LAYOUT/LAYER/peer:NAME/threads:N for peers, whose
// layout is the one that they like best. Every contestant's result is checked against the definition before it is timed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <regex>
#include <stdexcept>

#include "bench/arguments.hpp"
#include "bench/isa_limit.hpp"
#include "bench/machine.hpp"
#include "bench/ours.hpp"
#include "bench/peers.hpp"
#include "bench/reporter.hpp"
#include "bench/rows.hpp"
#include "bench/thread_pool.hpp"

namespace tconv::bench {
namespace {

constexpr const char* help = R"(usage: tconv_bench [OPTION...] [--benchmark_OPTION...]
  --layers FILE      another suite: a CSV file with the columns of bench/layers.csv
  --tier N           only layers of tier N and above (2: the most important ones)
  --layer-filter R   only layers whose name matches the regular expression
  --layout L         nchw, nhwc or both (default) for our operator
  --algorithm A      auto (default), each (auto and every one that takes the layer), or a name
  --target T         auto (default), scalar, sse4, avx2, avx512, neon; peers are held to it as far as they can be
  --winograd W       off, strict or standard (default): what rounding errors our operator may make
  --threads N        threads of every contestant (default 1)
  --peers LIST       all (default), none, or names with commas
  --pin CPU          run on this CPU (with N threads: N CPUs from there)
  --verify           check results, measure nothing
  --list-layers      print the suite as JSON
  --can-hide TARGET  print yes or no: can this machine hide newer instructions from peers?
  --benchmark_filter=REGEX, --benchmark_out=FILE, --benchmark_out_format=json, --benchmark_repetitions=N, ... as usual
exit status: 0, 1 when our operator computed something wrong, 2 for bad arguments or a bad suite
)";

struct Bench {
  Settings settings;
  std::vector<Layer> layers;
  std::vector<Layout> layouts;
  std::vector<Algorithm> algorithms;
  bool forgiving = false;  // --algorithm each: what cannot do a layer is left out
  std::vector<LoadedPeer> peers;
  std::string filter;
  bool filter_inverted = false;
  double min_time = 0.03;
  int repetitions = 5;
  double peak = 0;
  bool ours_wrong = false;
};

bool matches(const Bench& b, const std::string& name) {
  return b.filter.empty() || std::regex_search(name, std::regex(b.filter, std::regex::extended)) != b.filter_inverted;
}

std::string row_name(const std::string& layout, const Layer& layer, const std::string& who, int threads) {
  return "f32/" + layout + "/" + layer.name + "/" + who + "/threads:" + std::to_string(threads);
}

std::vector<Row> prepare_all(Bench* b, const Case& c) {
  std::vector<Row> rows;
  const Layer& layer = c.layer;
  double ours = 0;
  for (const Layout layout : b->layouts) {
    for (const Algorithm algorithm : b->algorithms) {
      Row row;
      row.name = row_name(layout == Layout::nchw ? "nchw" : "nhwc", layer, algorithm_name(algorithm), b->settings.threads);
      if (!matches(*b, row.name)) continue;
      prepare(c, &row, [&] { return make_ours(c, layout, algorithm, b->settings); });
      if (row.error.rfind("wrong result", 0) == 0) b->ours_wrong = true;
      ours = std::max(ours, row.warm_seconds);
      if (row.error.empty() || !b->forgiving || algorithm == Algorithm::automatic) rows.push_back(std::move(row));
    }
  }
  PeerPreparation preparation(c, b->settings, ours);
  for (const LoadedPeer& peer : b->peers) {
    if (peer.peer == nullptr) continue;
    const std::string who = "peer:" + peer.name;
    // The layout is known only afterwards; a filter may name any of them.
    bool wanted = false;
    for (const char* layout : {"nchw", "nhwc", "any"})
      wanted = wanted || matches(*b, row_name(layout, layer, who, b->settings.threads));
    if (!wanted) continue;
    Row row;
    preparation.prepare(*peer.peer, &row);
    row.name = row_name(row.contestant ? row.contestant->layout() : "any", layer, who, b->settings.threads);
    rows.push_back(std::move(row));
  }
  return rows;
}

void time_row(benchmark::State& state, const Bench& b, const Layer& layer, const Row& row) {
  if (!row.error.empty()) {
    state.SkipWithError(row.error.c_str());
    return;
  }
  using Clock = std::chrono::steady_clock;
  // The clock follows heat and load: what a row is compared with is the mean of what was measured before and after it.
  const auto peak_now = [&b] { return measure_fma_peak(b.settings.target, 1e-3, b.settings.pool->parallelism()); };
  const double peak_before = peak_now();
  Contestant* contestant = row.contestant.get();
  const auto start = Clock::now();
  for (auto _ : state) contestant->run();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count() /
                         (static_cast<double>(state.iterations()) * contestant->images());
  const double peak = (peak_before + peak_now()) / 2;
  const double gflops = useful_flops(layer) / seconds * 1e-9, bandwidth = effective_bytes(layer) / seconds;
  state.counters["us"] = seconds * 1e6;
  state.counters["gflops"] = gflops;
  state.counters["peak_gflops"] = peak;
  state.counters["pct_peak"] = peak > 0 ? 100 * gflops / peak : 0;
  state.counters["effective_bytes_per_second"] = bandwidth;
  state.counters["pct_copy_bw"] = 100 * bandwidth / copy_bandwidth(effective_bytes(layer), b.settings.pool->parallelism());
  state.counters["packed_bytes"] = contestant->packed_bytes();
  state.counters["workspace_bytes"] = contestant->workspace_bytes();
  state.SetLabel(contestant->detail());
}

void measure_layer(Bench* b, const Layer& layer, Reporter* reporter) {
  // A peer's plan or a suite's layer may be larger than the machine.
  std::unique_ptr<Case> c;
  try {
    require_memory(2.5 * effective_bytes(layer), "the layer's tensors");
    c = std::make_unique<Case>(layer);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tconv_bench: %s: left out: %s\n", layer.name.c_str(), e.what());
    return;
  }
  const std::vector<Row> rows = prepare_all(b, *c);
  if (rows.empty()) return;
  (void)copy_bandwidth(effective_bytes(layer), b->settings.pool->parallelism());
  benchmark::ClearRegisteredBenchmarks();
  for (const Row& row : rows) {
    auto* registered = benchmark::RegisterBenchmark(
        row.name.c_str(), [b, &layer, &row](benchmark::State& state) { time_row(state, *b, layer, row); });
    registered->Unit(benchmark::kMicrosecond);
    if (!row.error.empty()) {
      registered->Iterations(1)->Repetitions(1);
    } else if (row.warm_seconds > b->min_time / 2) {
      // No calibration is needed, and what takes long is repeated less often: about 2 seconds each at most.
      registered->Iterations(std::max<int64_t>(1, static_cast<int64_t>(b->min_time / row.warm_seconds + 0.5)));
      registered->Repetitions(std::clamp(static_cast<int>(2 / row.warm_seconds), 1, b->repetitions));
    }
  }
  benchmark::RunSpecifiedBenchmarks(reporter, nullptr, "all");
  benchmark::ClearRegisteredBenchmarks();
}

int verify_all(Bench* b) {
  int wrong = 0, right = 0, absent = 0;
  for (const Layer& layer : b->layers) {
    const Case c(layer);
    for (const Row& row : prepare_all(b, c)) {
      const bool is_wrong = row.error.rfind("wrong result", 0) == 0;
      std::printf("%-70s %s\n", row.name.c_str(), row.error.empty() ? "ok" : row.error.c_str());
      row.error.empty() ? ++right : is_wrong ? ++wrong : ++absent;
    }
    std::fflush(stdout);
  }
  std::printf("%d right, %d wrong, %d cannot\n", right, wrong, absent);
  return b->ours_wrong ? 1 : 0;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    if (comma > at) parts.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

// Google Benchmark's own options, of which some are ours to act on.
void take_benchmark_options(const Arguments& arguments, Bench* b, std::vector<std::string>* kept, std::string* out,
                            std::string* format, bool* list) {
  for (const std::string& text : arguments.passed()) {
    const size_t equals = text.find('=');
    const std::string key = text.substr(0, equals), value = equals == std::string::npos ? "" : text.substr(equals + 1);
    if (key == "--benchmark_filter") {
      b->filter = value == "all" ? "" : value;
      b->filter_inverted = !b->filter.empty() && b->filter[0] == '-';
      if (b->filter_inverted) b->filter.erase(0, 1);
    } else if (key == "--benchmark_out") {
      *out = value;
    } else if (key == "--benchmark_out_format") {
      *format = value;
    } else if (key == "--benchmark_list_tests") {
      *list = value.empty() || value == "true" || value == "1";
    } else {
      if (key == "--benchmark_min_time") b->min_time = std::stod(value);
      if (key == "--benchmark_repetitions") b->repetitions = std::max(1, std::stoi(value));
      kept->push_back(text);
    }
  }
  try {
    (void)std::regex(b->filter, std::regex::extended);
  } catch (const std::regex_error& e) {
    throw std::runtime_error("--benchmark_filter=" + b->filter + ": not a regular expression");
  }
}

void choose_contestants(const Arguments& arguments, Bench* b) {
  const std::string layout = arguments.get("layout", "both");
  if (layout != "nchw" && layout != "nhwc" && layout != "both") {
    throw std::runtime_error("--layout = \"" + layout + "\": must be nchw, nhwc or both");
  }
  if (layout != "nhwc") b->layouts.push_back(Layout::nchw);
  if (layout != "nchw") b->layouts.push_back(Layout::nhwc);
  const std::string algorithm = arguments.get("algorithm", "auto");
  b->forgiving = algorithm == "each";
  if (b->forgiving) {
    b->algorithms = {Algorithm::automatic};
    for (const Algorithm a : all_algorithms) b->algorithms.push_back(a);
  } else {
    Algorithm a;
    if (!algorithm_from_name(algorithm.c_str(), &a)) {
      std::string names = "auto, each";
      for (const Algorithm known : all_algorithms) names += std::string(", ") + algorithm_name(known);
      throw std::runtime_error("--algorithm = \"" + algorithm + "\": must be one of " + names);
    }
    b->algorithms = {a};
  }
}

int list_rows(const Bench& b, const std::vector<std::string>& peers) {
  for (const Layer& layer : b.layers) {
    std::vector<std::string> names;
    for (const Layout layout : b.layouts) {
      for (const Algorithm a : b.algorithms) {
        names.push_back(row_name(layout == Layout::nchw ? "nchw" : "nhwc", layer, algorithm_name(a), b.settings.threads));
      }
    }
    for (const std::string& peer : peers) names.push_back(row_name("any", layer, "peer:" + peer, b.settings.threads));
    for (const std::string& name : names) {
      if (matches(b, name)) std::puts(name.c_str());
    }
  }
  return 0;
}

void describe_run(const Bench& b, bool hidden) {
  const auto number = [](double v) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", v);
    return std::string(text);
  };
  benchmark::AddCustomContext("cpu", cpu_name());
  benchmark::AddCustomContext("compiler", compiler());
  benchmark::AddCustomContext("target", target_name(b.settings.target));
  benchmark::AddCustomContext("winograd", winograd_name(b.settings.winograd));
  benchmark::AddCustomContext("threads", std::to_string(b.settings.threads));
  benchmark::AddCustomContext("peak_gflops", number(b.peak));
  benchmark::AddCustomContext("copy_gigabytes_per_second", number(copy_bandwidth(512e6, b.settings.pool->parallelism()) * 1e-9));
  for (const LoadedPeer& peer : b.peers) {
    benchmark::AddCustomContext("peer:" + peer.name, peer.peer != nullptr ? peer.peer->version : "absent: " + peer.why_absent);
    Target best = Target::automatic;
    const bool limited = choose_target(Target::automatic, &best).ok() && best != b.settings.target;
    if (peer.peer == nullptr || !limited) continue;
    const std::string own = peer.peer->isa_switch;
    const std::string seen = "CPUID shows " + std::to_string(visible_vector_bits()) + "-bit vectors";
    benchmark::AddCustomContext("limit:" + peer.name, hidden ? seen : own.empty() ? "not limited" : own);
  }
}

int run(int argc, char** argv) {
  const Arguments arguments(
      argc, argv,
      {"layers", "tier", "layer-filter", "layout", "algorithm", "target", "threads", "winograd", "peers", "pin", "can-hide"},
      {"verify", "list-layers", "help"}, "--benchmark_");
  if (arguments.has("help")) return std::fputs(help, stdout), 0;
  if (arguments.has("can-hide")) {
    Target t = Target::automatic;
    if (!target_from_name(arguments.get("can-hide", "").c_str(), &t)) throw std::runtime_error("--can-hide: unknown target");
    return std::puts(hide_instructions_beyond(t) ? "yes" : "no"), 0;
  }
  Bench b;
  b.layers = arguments.layers();
  if (arguments.has("list-layers")) return std::fputs(layers_json(b.layers).c_str(), stdout), 0;
  b.settings = arguments.settings();
  choose_contestants(arguments, &b);
  std::vector<std::string> kept = {argv[0], "--benchmark_enable_random_interleaving=true", "--benchmark_repetitions=5",
                                   "--benchmark_min_time=0.03", "--benchmark_counters_tabular=false"};
  std::string out, format = "json";
  bool list = false;
  take_benchmark_options(arguments, &b, &kept, &out, &format, &list);

  const std::string wanted = arguments.get("peers", "all");
  const std::vector<std::string> names = wanted == "all"    ? known_peers()
                                         : wanted == "none" ? std::vector<std::string>()
                                                            : split(wanted);
  for (const std::string& name : names) {
    if (std::find(known_peers().begin(), known_peers().end(), name) == known_peers().end()) {
      throw std::runtime_error("--peers: no peer is named \"" + name + "\"");
    }
  }
  if (list) return list_rows(b, names);

  if (arguments.has("pin")) {
    const std::string why = pin(arguments.integer("pin", 0, 0, 4095), b.settings.threads);
    if (!why.empty()) throw std::runtime_error("--" + why);
  }
  Target best = Target::automatic;
  bool hidden = false;
  if (choose_target(Target::automatic, &best).ok() && best != b.settings.target && !names.empty()) {
    hidden =
        hide_instructions_beyond(b.settings.target) && visible_vector_bits() <= (b.settings.target == Target::avx2 ? 256 : 128);
  }
  b.peers = load_peers(names, b.settings);
  for (const LoadedPeer& peer : b.peers) {
    if (peer.peer == nullptr)
      std::fprintf(stderr, "tconv_bench: peer %s is absent: %s\n", peer.name.c_str(), peer.why_absent.c_str());
  }
  ThreadPool pool(static_cast<size_t>(b.settings.threads));
  b.settings.pool = &pool;
  if (arguments.has("verify")) return verify_all(&b);

  b.peak = measure_fma_peak(b.settings.target, 0.1, pool.parallelism());
  describe_run(b, hidden);
  std::vector<char*> pointers;
  for (std::string& text : kept) pointers.push_back(text.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (count > 1) throw std::runtime_error(std::string("unknown argument \"") + pointers[1] + "\"");

  Reporter reporter(out, format);
  for (size_t i = 0; i < b.layers.size(); ++i) {
    std::fprintf(stderr, "%3zu/%zu  %s\n", i + 1, b.layers.size(), b.layers[i].name.c_str());
    measure_layer(&b, b.layers[i], &reporter);
  }
  const std::string why = reporter.finish();
  if (!why.empty()) throw std::runtime_error(why);
  if (b.ours_wrong) std::fprintf(stderr, "tconv_bench: our operator computed something wrong (see the rows above)\n");
  return b.ours_wrong ? 1 : 0;
}

}  // namespace
}  // namespace tconv::bench

int main(int argc, char** argv) { return tconv::bench::guarded("tconv_bench", tconv::bench::run, argc, argv); }
