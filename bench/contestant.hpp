// Anything that can compute a layer: our operator, or a peer that lives in a plugin.
//
// A plugin is a shared module with the one function tconv_bench_peer(). Plugins are loaded when the program runs, with RTLD_LOCAL:
// a library that is absent or does not load is one line in the report, and the peers' symbols do not meet.
#pragma once

#include <memory>
#include <string>

#include "bench/case.hpp"
#include "tconv/targets.hpp"

namespace tconv::bench {

class ThreadPool;

struct Settings {
  Target target = Target::automatic;  // resolved: never automatic
  int threads = 1;
  WinogradClass winograd = WinogradClass::standard;  // what our operator may use
  ThreadPool* pool = nullptr;                        // ours, and that of peers that have no threads of their own
};

class Contestant {
 public:
  virtual ~Contestant() = default;

  // The timed call: one whole layer, or `images()` of them.
  virtual void run() = 0;
  // Overwrites the output tensor with `value`.
  virtual void fill_output(float value) = 0;
  // The output of the last run(), dense; valid until the next call.
  virtual const float* output(Layout* layout) = 0;

  // How many times the layer's batch one run() computes (a peer whose kernels need two images to be at their best).
  virtual int images() const { return 1; }
  // How near to the definition its results must be. Of peers nobody says which methods they use.
  virtual Accuracy accuracy() const { return Accuracy::winograd_standard; }
  // The layout that it likes best, or was asked for: "nchw", "nhwc", or a blocked one.
  virtual std::string layout() const = 0;
  // Which algorithm or implementation it chose; ours: "ALGORITHM TARGET VARIANT...".
  virtual std::string detail() const = 0;
  // Bytes of weights as it keeps them, and everything that it needs in a run beyond input, output and those. -1: cannot be asked.
  virtual double packed_bytes() const { return -1; }
  virtual double workspace_bytes() const { return -1; }

  // Runs once on an output full of NaN. "" or what is wrong.
  std::string verify(const Case& c) {
    fill_output(__builtin_nanf(""));
    run();
    Layout l = Layout::nchw;
    const float* y = output(&l);
    return c.check(y, l, accuracy());
  }
};

struct Peer {
  const char* name;     // as in benchmark names: "onednn"
  std::string version;  // of the library that was loaded
  // Whether Settings::target limits it without help from outside, and how: "dnnl_set_max_cpu_isa"; "" if nothing does.
  const char* isa_switch;
  // Weights reordered, buffers allocated, the best of its own variants chosen. Throws std::exception: what() says why it cannot.
  std::unique_ptr<Contestant> (*create)(const Case& c, const Settings& settings);
};

// Seconds of one run(): the smallest of a few, fewer when they are long. For choosing among a peer's variants.
double quick_time(Contestant* contestant);
// Throws std::runtime_error when a tensor of that size would take more than half of the memory that is free.
void require_memory(double bytes, const char* what);

}  // namespace tconv::bench

extern "C" __attribute__((visibility("default"))) const tconv::bench::Peer* tconv_bench_peer();
