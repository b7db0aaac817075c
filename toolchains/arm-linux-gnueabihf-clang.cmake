# ARMv7-A Linux, hard float, with Clang and GCC's cross libraries (Debian: clang, g++-arm-linux-gnueabihf, qemu-user). Clang means an
# ARMv6 by that name, hence the flag; NEON is still left to the kernels.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7-a)
set(CMAKE_C_COMPILER clang)
set(CMAKE_CXX_COMPILER clang++)
set(CMAKE_C_COMPILER_TARGET arm-linux-gnueabihf)
set(CMAKE_CXX_COMPILER_TARGET arm-linux-gnueabihf)
set(CMAKE_C_FLAGS_INIT -march=armv7-a)
set(CMAKE_CXX_FLAGS_INIT -march=armv7-a)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
