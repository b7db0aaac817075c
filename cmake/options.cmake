# Every option of the build, and what the instrumented variants (sanitizers, coverage) add to a target.
# As a subproject (add_subdirectory, FetchContent) only the library is built: the rest is on when this is the top-level project.

option(TCONV_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(TCONV_BUILD_TOOLS "Build the command-line program" ${PROJECT_IS_TOP_LEVEL})
option(TCONV_BUILD_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(TCONV_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(TCONV_INSTALL "Make install rules and the exported target tconv::tconv" ${PROJECT_IS_TOP_LEVEL})
option(TCONV_WERROR "Treat compiler warnings as errors (for people who work on tconv)" OFF)
option(TCONV_COVERAGE "Count executed lines of the library for gcov" OFF)
set(TCONV_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them, e.g. address,undefined")
option(TCONV_TEST_QUICK "Shorten the random sweeps of the tests, for emulators" OFF)
set(TCONV_TEST_PREFIX "" CACHE STRING "Put before the names of all GoogleTest cases, to tell variants apart in one ctest run")

if(PROJECT_IS_TOP_LEVEL)
  get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(NOT multi_config AND NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON) # read by clang-tidy and by the test of the symbol tables
endif()

if(TCONV_WERROR)
  set(CMAKE_COMPILE_WARNING_AS_ERROR ON) # the default of a target property, here and in the folders below
endif()

# Adds what TCONV_SANITIZE and TCONV_COVERAGE ask for. Sanitizers reach everything that links to the target, since program and
# library must agree on them; neither is exported.
function(tconv_instrument target)
  if(TCONV_SANITIZE)
    set(flags -fsanitize=${TCONV_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(${target} PUBLIC "$<BUILD_INTERFACE:${flags}>")
    target_link_options(${target} PUBLIC "$<BUILD_INTERFACE:${flags}>")
    # The register tiles have thousands of accesses, each with its checks: GCC 12 then takes 230 s for avx512.cpp, most of it in
    # register allocation. Calls instead of inline checks in functions of more than 300 accesses (the default: 7000) and one
    # region for all registers of a function check and compute the same, and leave 60 s.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -fira-region=one)
      if(TCONV_SANITIZE MATCHES "address")
        target_compile_options(${target} PRIVATE --param=asan-instrumentation-with-call-threshold=300)
      endif()
    endif()
  endif()
  if(TCONV_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage -fprofile-update=atomic)
    target_link_options(${target} PUBLIC "$<BUILD_INTERFACE:--coverage>")
  endif()
endfunction()
