# GoogleTest: an installed one, else, in a cross build, its sources (Debian's package googletest), so that no library of the target has
# to be installed.
if(NOT CMAKE_CROSSCOMPILING)
  find_package(GTest REQUIRED)
  return()
endif()
find_package(GTest QUIET)
if(NOT GTest_FOUND)
  find_path(TCONV_GOOGLETEST_SOURCE googlemock/CMakeLists.txt PATHS /usr/src/googletest NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED
            DOC "Folder with GoogleTest's sources")
  mark_as_advanced(TCONV_GOOGLETEST_SOURCE)
  set(INSTALL_GTEST OFF)
  set(BUILD_SHARED_LIBS OFF)
  set(CMAKE_COMPILE_WARNING_AS_ERROR OFF) # not ours to warn about
  set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)   # the variables above win over its options
  add_subdirectory(${TCONV_GOOGLETEST_SOURCE} ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
  if(TCONV_WERROR)
    set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
  else()
    unset(CMAKE_COMPILE_WARNING_AS_ERROR)
  endif()
endif()

# Death tests run their own program anew, through the emulator.
if(CMAKE_CROSSCOMPILING_EMULATOR)
  list(JOIN CMAKE_CROSSCOMPILING_EMULATOR "\",\"" words)
  add_library(tconv_emulated_exec OBJECT support/emulated_exec.cpp)
  target_compile_definitions(tconv_emulated_exec PRIVATE "TCONV_EMULATOR=\"${words}\"")
endif()
