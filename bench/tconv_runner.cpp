// Our operator behind a pipe, for scripts that time it in alternation with something in another process: another version of itself
// (bench/compare.py) or a peer in a Python interpreter (bench/peers/wheels.py). One line in, one line out:
//   prepare SLOT LAYER LAYOUT [ALGORITHM]   create, check against the definition, warm up
//       -> ok ALGORITHM TARGET [VARIANT...] WORKSPACE_BYTES PACKED_BYTES SECONDS
//   time SLOT COUNT                         -> ns N N N ...   each of COUNT runs, after one that is not counted
//   tensors LAYER PREFIX                    -> ok             writes PREFIX.input, .weights, .bias (f32, NCHW) and .sample, whose
//                                                         tolerance is that of a peer
//   free                                    -> ok             forgets all slots
// and "error MESSAGE" for all of them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "bench/arguments.hpp"
#include "bench/ours.hpp"
#include "bench/thread_pool.hpp"

namespace tconv::bench {
namespace {

class Runner {
 public:
  Runner(std::vector<Layer> layers, const Settings& settings) : layers_(std::move(layers)), settings_(settings) {}

  std::string answer(const std::string& line) {
    std::istringstream in(line);
    std::string verb;
    in >> verb;
    if (verb == "prepare") return prepare(in);
    if (verb == "time") return time(in);
    if (verb == "tensors") return tensors(in);
    if (verb == "free") {
      slots_.clear();
      case_.reset();
      return "ok";
    }
    throw std::runtime_error("unknown command \"" + verb + "\"");
  }

 private:
  const Case& use(const std::string& name) {
    if (case_ && case_->layer.name == name) return *case_;
    const auto it = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& l) { return l.name == name; });
    if (it == layers_.end()) throw std::runtime_error("no layer is named \"" + name + "\"");
    slots_.clear();  // they refer to the tensors of the layer before
    case_.reset();
    case_ = std::make_unique<Case>(*it);
    return *case_;
  }

  std::string prepare(std::istringstream& in) {
    std::string slot, layer, layout, algorithm_text = "auto";
    in >> slot >> layer >> layout >> algorithm_text;
    Algorithm algorithm = Algorithm::automatic;
    if (layout != "nchw" && layout != "nhwc") throw std::runtime_error("no such layout: " + layout);
    if (!algorithm_text.empty() && !algorithm_from_name(algorithm_text.c_str(), &algorithm)) {
      throw std::runtime_error("no such algorithm: " + algorithm_text);
    }
    const Case& c = use(layer);
    auto ours = make_ours(c, layout == "nchw" ? Layout::nchw : Layout::nhwc, algorithm, settings_);
    const std::string wrong = ours->verify(c);
    if (!wrong.empty()) throw std::runtime_error(wrong);
    const double seconds = quick_time(ours.get());
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, " %.0f %.0f %.9f", ours->workspace_bytes(), ours->packed_bytes(), seconds);
    const std::string detail = ours->detail();
    slots_[slot] = std::move(ours);
    return "ok " + detail + numbers;
  }

  std::string time(std::istringstream& in) {
    using Clock = std::chrono::steady_clock;
    std::string slot;
    int64_t count = 0;
    in >> slot >> count;
    const auto it = slots_.find(slot);
    if (it == slots_.end() || count < 1) throw std::runtime_error("time: no such slot, or count < 1");
    it->second->run();  // another process has used the caches
    std::string text = "ns";
    for (int64_t i = 0; i < count; ++i) {
      const auto start = Clock::now();
      it->second->run();
      text += " " + std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
    }
    return text;
  }

  static void write(const std::string& path, const void* data, size_t bytes) {
    std::ofstream out(path, std::ios::binary);
    out.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
    out.close();
    if (!out) throw std::runtime_error(path + ": cannot be written");
  }

  std::string tensors(std::istringstream& in) {
    std::string layer, prefix;
    in >> layer >> prefix;
    const Case& c = use(layer);
    const auto bytes = [](const Buffer& b) { return static_cast<size_t>(b.size()) * sizeof(float); };
    write(prefix + ".input", c.input_nchw.data(), bytes(c.input_nchw));
    write(prefix + ".weights", c.weights.data(), bytes(c.weights));
    write(prefix + ".bias", c.bias.data(), bytes(c.bias));
    static_assert(sizeof(Case::Sample) == 40, "scripts read it as three int64 and two doubles");
    std::vector<Case::Sample> sample = c.sample;
    for (Case::Sample& s : sample) s.tolerance = c.tolerance(s, Accuracy::winograd_standard);
    write(prefix + ".sample", sample.data(), sample.size() * sizeof(Case::Sample));
    return "ok";
  }

  std::vector<Layer> layers_;
  Settings settings_;
  std::unique_ptr<Case> case_;
  std::map<std::string, std::unique_ptr<Contestant>> slots_;
};

int run(int argc, char** argv) {
  const Arguments arguments(argc, argv, {"layers", "tier", "layer-filter", "target", "threads", "winograd"},
                            {"list-layers", "suite-path"});
  if (arguments.has("suite-path")) return std::puts(TCONV_BENCH_LAYERS), 0;
  if (arguments.has("list-layers")) {
    for (const Layer& layer : arguments.layers()) std::puts(layer.name.c_str());
    return 0;
  }
  Settings settings = arguments.settings();
  ThreadPool pool(static_cast<size_t>(settings.threads));
  settings.pool = &pool;
  Runner runner(arguments.layers(), settings);
  for (std::string line; std::getline(std::cin, line);) {
    std::string reply;
    try {
      reply = runner.answer(line);
    } catch (const std::bad_alloc&) {
      reply = "error not enough memory";
    } catch (const std::exception& e) {
      reply = std::string("error ") + e.what();
    }
    std::puts(reply.c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace tconv::bench

int main(int argc, char** argv) { return tconv::bench::guarded("tconv_runner", tconv::bench::run, argc, argv); }
