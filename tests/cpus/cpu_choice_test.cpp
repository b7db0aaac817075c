// Run on an emulated CPU with the name of the target that it should choose: fails unless that one, and it alone of the targets
// compiled in, is chosen automatically; better ones must be refused with an error rather than an illegal instruction.
#include <cstdio>
#include <cstdlib>

#include "tconv/conv_transpose.hpp"

namespace {

int failures = 0;

void check(bool right, const char* what, const char* detail) {
  std::printf("%s: %s %s\n", right ? "ok" : "FAILED", what, detail);
  failures += !right;
}

// A 1 x 1 layer: 2 * 3 = 6.
tconv::Status run_tiny_layer(tconv::Target target, tconv::Target* used, float* y) {
  const float w = 2, x = 3;
  alignas(64) static char workspace[1 << 16];
  tconv::Options options;
  options.target = target;
  auto op = tconv::ConvTranspose::create(tconv::Description(), &w, nullptr, options);
  if (!op.ok()) return op.status();
  *used = op->plan().target;
  return op->run(&x, y, workspace, sizeof workspace);
}

}  // namespace

int main(int argc, char** argv) {
  tconv::Target wanted;
  if (argc != 2 || !tconv::target_from_name(argv[1], &wanted)) return std::puts("usage: cpu_choice_test TARGET"), 2;
  unsetenv("TCONV_TARGET");

  tconv::Target used = tconv::Target::automatic;
  float y = 0;
  const tconv::Status status = run_tiny_layer(tconv::Target::automatic, &used, &y);
  check(status.ok() && y == 6, "automatic runs", status.message());
  check(used == wanted, "automatic chooses", tconv::target_name(used));

  for (tconv::Target t : tconv::all_targets) {
    if (!tconv::target_compiled(t)) continue;
    const bool better = t > wanted;  // all_targets is in rising order
    check(tconv::target_supported(t) == !better, better ? "not supported:" : "supported:", tconv::target_name(t));
    y = 0;
    const tconv::Status forced = run_tiny_layer(t, &used, &y);
    if (better) {
      check(forced.code() == tconv::StatusCode::unsupported, "forced is refused:", forced.message());
    } else {
      check(forced.ok() && used == t && y == 6, "forced runs:", tconv::target_name(t));
    }
  }
  return failures != 0;
}
