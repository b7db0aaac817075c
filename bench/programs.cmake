# tconv_bench; tconv_runner, which scripts talk to; tconv_count, which valgrind runs.
find_package(benchmark QUIET)
if(benchmark_FOUND)
  add_executable(tconv_bench tconv_bench.cpp reporter.cpp peers.cpp isa_limit.cpp)
  target_link_libraries(tconv_bench PRIVATE tconv_bench_support tconv_rulers benchmark::benchmark ${CMAKE_DL_LIBS})
  target_compile_options(tconv_bench PRIVATE -Wall -Wextra)
else()
  message(STATUS "tconv_bench: off, Google Benchmark (libbenchmark-dev) was not found")
endif()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
  # For LD_PRELOAD; the first object of the process to start.
  add_library(tconv_isa_limit MODULE isa_preload.cpp isa_limit.cpp)
  target_include_directories(tconv_isa_limit PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(tconv_isa_limit PRIVATE -Wall -Wextra)
  target_link_options(tconv_isa_limit PRIVATE -Wl,-z,initfirst -static-libstdc++)
endif()

add_executable(tconv_runner tconv_runner.cpp)
target_link_libraries(tconv_runner PRIVATE tconv_bench_support)
target_compile_options(tconv_runner PRIVATE -Wall -Wextra)

find_path(TCONV_VALGRIND_INCLUDE valgrind/callgrind.h)
if(TCONV_VALGRIND_INCLUDE)
  add_executable(tconv_count tconv_count.cpp)
  target_link_libraries(tconv_count PRIVATE tconv_bench_support)
  target_include_directories(tconv_count SYSTEM PRIVATE ${TCONV_VALGRIND_INCLUDE})
  target_compile_options(tconv_count PRIVATE -Wall -Wextra)
endif()
