// Linked into the test programs of a cross build. GoogleTest's death tests run their own program anew by execv(), which the build
// machine's kernel cannot; this one puts the emulator in front. The CPU model is handed on in QEMU_CPU.
#include <unistd.h>
#include <cerrno>

extern "C" int execv(const char* path, char* const argv[]) noexcept {
  static const char* const emulator[] = {TCONV_EMULATOR};
  constexpr int most = 64;
  const char* words[most];
  int count = 0;
  for (const char* word : emulator) words[count++] = word;
  words[count++] = path;
  for (int i = 1; argv[i] != nullptr; ++i) {
    if (count + 1 == most) return errno = E2BIG, -1;
    words[count++] = argv[i];
  }
  words[count] = nullptr;
  return execvp(words[0], const_cast<char* const*>(words));
}
