#include "bench/arguments.hpp"

#include <cstdio>
#include <cstdlib>
#include <regex>
#include <stdexcept>

namespace tconv::bench {

Arguments::Arguments(int argc, char** argv, const std::set<std::string>& valued, const std::set<std::string>& flags,
                     const std::string& pass_prefix) {
  for (int i = 1; i < argc; ++i) {
    const std::string text = argv[i];
    if (!pass_prefix.empty() && text.rfind(pass_prefix, 0) == 0) {
      passed_.push_back(text);
      continue;
    }
    if (text.rfind("--", 0) != 0) throw std::runtime_error("unknown argument \"" + text + "\"");
    const size_t equals = text.find('=');
    const std::string key = text.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (flags.count(key) != 0 && equals == std::string::npos) {
      values_[key] = "1";
    } else if (valued.count(key) == 0) {
      throw std::runtime_error("unknown argument \"" + text + "\"");
    } else if (equals != std::string::npos) {
      values_[key] = text.substr(equals + 1);
    } else if (i + 1 < argc) {
      values_[key] = argv[++i];
    } else {
      throw std::runtime_error("--" + key + ": a value is missing");
    }
  }
}

std::string Arguments::get(const std::string& key, const std::string& otherwise) const {
  const auto it = values_.find(key);
  return it == values_.end() ? otherwise : it->second;
}

int Arguments::integer(const std::string& key, int otherwise, int low, int high) const {
  if (!has(key)) return otherwise;
  const std::string text = get(key, "");
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value < low || value > high) {
    throw std::runtime_error("--" + key + " = \"" + text + "\": must be a whole number from " + std::to_string(low) + " to " +
                             std::to_string(high));
  }
  return static_cast<int>(value);
}

Target Arguments::target() const {
  Target wanted = Target::automatic, chosen = Target::automatic;
  const std::string name = get("target", "auto");
  if (!target_from_name(name.c_str(), &wanted)) {
    throw std::runtime_error("--target = \"" + name + "\": must be auto, scalar, sse4, avx2, avx512 or neon");
  }
  if (const Status s = choose_target(wanted, &chosen); !s.ok()) throw std::runtime_error(std::string("--target: ") + s.message());
  return chosen;
}

Settings Arguments::settings() const {
  Settings settings;
  settings.target = target();
  settings.threads = integer("threads", 1, 1, 1024);
  if (const std::string name = get("winograd", "standard"); !winograd_from_name(name, &settings.winograd)) {
    throw std::runtime_error("--winograd = \"" + name + "\": must be off, strict or standard");
  }
  return settings;
}

std::vector<Layer> Arguments::layers() const {
  std::vector<Layer> all, chosen;
  std::string error;
  if (!load_layers(get("layers", TCONV_BENCH_LAYERS), &all, &error)) throw std::runtime_error(error);
  const int tier = integer("tier", 0, 0, 2);
  std::regex names;
  try {
    names = std::regex(get("layer-filter", ""));
  } catch (const std::regex_error&) {
    throw std::runtime_error("--layer-filter = \"" + get("layer-filter", "") + "\": not a regular expression");
  }
  for (Layer& layer : all) {
    if (layer.tier >= tier && std::regex_search(layer.name, names)) chosen.push_back(std::move(layer));
  }
  if (chosen.empty()) throw std::runtime_error("no layer of the suite is left by --tier and --layer-filter");
  return chosen;
}

int guarded(const char* program, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", program, e.what());
    return 2;
  }
}

}  // namespace tconv::bench
