// The same layer as examples/minimal, without one line of the C++ runtime: linked to libc, libm and libgcc alone.
#include <cstdio>
#include <cstdlib>
#include <new>

#include "tconv/conv_transpose.hpp"

// The one thing that create() may ask of a C++ runtime.
void* operator new(size_t bytes) { return std::malloc(bytes); }
void* operator new[](size_t bytes) { return std::malloc(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void* operator new(size_t bytes, std::align_val_t align) {
  return std::aligned_alloc(size_t(align), (bytes + size_t(align) - 1) & -size_t(align));
}
void* operator new[](size_t bytes, std::align_val_t align) { return operator new(bytes, align); }
void* operator new(size_t bytes, std::align_val_t align, const std::nothrow_t&) noexcept { return operator new(bytes, align); }
void* operator new[](size_t bytes, std::align_val_t align, const std::nothrow_t&) noexcept { return operator new(bytes, align); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { std::free(p); }
const std::nothrow_t std::nothrow{};

int main() {
  tconv::Description layer;
  for (int a : {0, 1}) layer.axis[a] = {2, 4, 2, 1, 1, 1, 0};
  const float weights[16] = {1, 3, 3, 1, 3, 9, 9, 3, 3, 9, 9, 3, 1, 3, 3, 1}, x[4] = {1, 2, 3, 4};
  float y[16];
  tconv::Result<tconv::ConvTranspose> op = tconv::ConvTranspose::create(layer, weights);
  if (!op.ok()) return std::puts(op.status().message()), 1;
  const size_t bytes = op->workspace_bytes();
  void* const workspace = std::aligned_alloc(64, (bytes + 64) & ~size_t(63));
  const tconv::Status status = op->run(x, y, workspace, bytes);
  std::free(workspace);
  if (!status.ok()) return std::puts(status.message()), 1;
  for (int i = 0; i < 16; i += 4)
    std::printf("%3.0f %3.0f %3.0f %3.0f\n", double(y[i]), double(y[i + 1]), double(y[i + 2]), double(y[i + 3]));
}
