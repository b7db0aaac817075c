# ARMv7-A Linux, hard float, with GCC (Debian: g++-arm-linux-gnueabihf, qemu-user). The compiler's own default, VFPv3-D16 without
# NEON, is kept for everything but the NEON kernels: whether they may run is decided on the device.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7-a)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
set(CMAKE_CXX_FLAGS_INIT -Wno-psabi) # a note about GCC before 7.1
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
