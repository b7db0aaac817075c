# AArch64 Linux with GCC (Debian: g++-aarch64-linux-gnu, qemu-user). AArch64 implies NEON: no -m flag is needed.
#     cmake -S . -B build/aarch64 --toolchain toolchains/aarch64-linux-gnu.cmake && cmake --build build/aarch64 && ctest --test-dir build/aarch64
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
