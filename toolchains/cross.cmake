# What the Linux toolchain files share: programs come from this machine, libraries and headers from the target, and QEMU's user mode
# runs what was built, so that plain ctest works. Everything set by the caller is kept.
#     TCONV_SYSROOT_PACKAGES  folder with further libraries of the target, laid out like / (toolchains/packages.sh fills one)
#     TCONV_QEMU_CPU          CPU model of QEMU; default: max (everything that QEMU knows) on AArch64, cortex-a7 on ARMv7
set(triple_aarch64 aarch64-linux-gnu)
set(triple_armv7-a arm-linux-gnueabihf)
set(qemu_aarch64 qemu-aarch64)
set(qemu_armv7-a qemu-arm)
set(cpu_aarch64 max)
set(cpu_armv7-a cortex-a7)
set(triple ${triple_${CMAKE_SYSTEM_PROCESSOR}})
if(NOT TCONV_QEMU_CPU)
  set(TCONV_QEMU_CPU ${cpu_${CMAKE_SYSTEM_PROCESSOR}})
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TCONV_SYSROOT_PACKAGES TCONV_QEMU_CPU)

set(CMAKE_LIBRARY_ARCHITECTURE ${triple})
if(NOT DEFINED CMAKE_FIND_ROOT_PATH)
  set(CMAKE_FIND_ROOT_PATH ${TCONV_SYSROOT_PACKAGES} /usr/${triple})
endif()
foreach(kind LIBRARY INCLUDE PACKAGE)
  if(NOT DEFINED CMAKE_FIND_ROOT_PATH_MODE_${kind})
    set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
  endif()
endforeach()
if(NOT DEFINED CMAKE_FIND_ROOT_PATH_MODE_PROGRAM)
  set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
endif()

if(NOT DEFINED CMAKE_CROSSCOMPILING_EMULATOR)
  # The guest gets the model in its environment too, for programs that start programs.
  set(CMAKE_CROSSCOMPILING_EMULATOR ${qemu_${CMAKE_SYSTEM_PROCESSOR}} -L /usr/${triple} -cpu ${TCONV_QEMU_CPU}
                                    -E QEMU_CPU=${TCONV_QEMU_CPU})
  if(TCONV_SYSROOT_PACKAGES)
    list(APPEND CMAKE_CROSSCOMPILING_EMULATOR -E LD_LIBRARY_PATH=${TCONV_SYSROOT_PACKAGES}/usr/lib/${triple}:${TCONV_SYSROOT_PACKAGES}/lib/${triple})
  endif()
endif()
