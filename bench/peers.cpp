#include "bench/peers.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

namespace tconv::bench {
namespace {

std::string folder_of_program() {
  char path[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return ".";
  const std::string text(path, static_cast<size_t>(n));
  return text.substr(0, text.rfind('/'));
}

}  // namespace

const std::vector<std::string>& known_peers() {
  static const std::vector<std::string> names = {"onednn", "zero_insertion", "xnnpack", "openblas_col2im"};
  return names;
}

std::vector<LoadedPeer> load_peers(const std::vector<std::string>& names, const Settings& settings) {
  const std::string threads = std::to_string(settings.threads);
  setenv("OMP_NUM_THREADS", threads.c_str(), 1);
  setenv("OPENBLAS_NUM_THREADS", threads.c_str(), 1);
  // Its threads spin for 2^26 cycles after a call, in which they would take the processors from the contestant whose turn comes
  // next.
  if (settings.threads > 1) setenv("OPENBLAS_THREAD_TIMEOUT", "18", 1);
  if (settings.target == Target::avx2) {
    setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
    setenv("OPENBLAS_CORETYPE", "Haswell", 1);
  } else if (settings.target == Target::sse4 || settings.target == Target::scalar) {
    setenv("ONEDNN_MAX_CPU_ISA", "SSE41", 1);
    setenv("OPENBLAS_CORETYPE", "Nehalem", 1);
  }
  std::vector<LoadedPeer> peers;
  for (const std::string& name : names) {
    LoadedPeer loaded;
    loaded.name = name;
    const std::string path = folder_of_program() + "/libtconv_peer_" + name + ".so";
    if (access(path.c_str(), F_OK) != 0) {
      loaded.why_absent = "its library was not there when the bench was built";
    } else if (void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); module == nullptr) {
      const char* why = dlerror();
      loaded.why_absent = why != nullptr ? why : "does not load";
    } else if (void* symbol = dlsym(module, "tconv_bench_peer"); symbol == nullptr) {
      loaded.why_absent = "not a plugin";
    } else {
      loaded.peer = reinterpret_cast<const Peer* (*)()>(symbol)();
    }
    peers.push_back(loaded);
  }
  return peers;
}

}  // namespace tconv::bench
