# AArch64 without an operating system. The compiler is the Linux one, since Debian has no other for this CPU; only what it assumes of
# a C library's headers is used: the archive may need nothing but memory, strings, formatting and mathematics (tests/arm checks it).
# Programs are not linked: that takes a board's start-up code and linker script.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CXX_FLAGS_INIT "-mno-outline-atomics -fno-stack-protector")
list(APPEND CMAKE_INCLUDE_PATH /usr/include) # Highway and xsimd: headers alone, the same for every CPU
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
if(NOT DEFINED CMAKE_FIND_ROOT_PATH_MODE_PROGRAM)
  set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
endif()
