# Measured FMA peak and copy bandwidth: one loop per target, from Highway's headers alone.
find_path(TCONV_HIGHWAY_INCLUDE hwy/highway.h)
set(loops fma_loop_scalar.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|i[3-6]86")
  list(APPEND loops fma_loop_sse4.cpp fma_loop_avx2.cpp fma_loop_avx512.cpp)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm")
  list(APPEND loops fma_loop_neon.cpp)
endif()
add_library(tconv_rulers STATIC machine.cpp ${loops})
target_link_libraries(tconv_rulers PUBLIC tconv::tconv)
target_include_directories(tconv_rulers PUBLIC ${PROJECT_SOURCE_DIR} PRIVATE ${TCONV_HIGHWAY_INCLUDE})
target_compile_options(tconv_rulers PRIVATE -Wall -Wextra)
# The scalar ruler measures scalar instructions.
set_source_files_properties(fma_loop_scalar.cpp PROPERTIES COMPILE_OPTIONS "-fno-tree-vectorize;-fno-tree-slp-vectorize")
