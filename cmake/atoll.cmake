# How Atoll's layers become CMake targets. See the list in the top CMakeLists.txt.

find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(RocksDB REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(LDNS REQUIRED IMPORTED_TARGET ldns)
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)
pkg_check_modules(PUGIXML REQUIRED IMPORTED_TARGET pugixml)
pkg_check_modules(TOMLPP REQUIRED IMPORTED_TARGET tomlplusplus)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(atoll_flags INTERFACE)
target_compile_options(atoll_flags INTERFACE
  -Wall -Wextra -Wswitch-enum -Wno-missing-field-initializers -Werror=return-type
  -Werror=unused-result -fno-omit-frame-pointer -march=x86-64-v2
  # g++ 12 is wrong about the allocation of coroutine frames by Asio, about std::expected that is moved
  # into one, and about strings that are put together (its bug 105329).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete;-Wno-maybe-uninitialized;-Wno-array-bounds>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow;-Wno-stringop-overread;-Wno-restrict>
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
target_compile_definitions(atoll_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION SPDLOG_FMT_EXTERNAL
  $<$<BOOL:${ATOLL_PLANTED_BUGS}>:ATOLL_PLANTED_BUGS=1>)
if(ATOLL_SANITIZE)
  target_compile_options(atoll_flags INTERFACE -fsanitize=${ATOLL_SANITIZE})
  target_link_options(atoll_flags INTERFACE -fsanitize=${ATOLL_SANITIZE})
endif()

# One precompiled header for all: the standard library and Asio's coroutines, never Beast.
add_library(atoll_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_link_libraries(atoll_pch PUBLIC atoll_flags Boost::boost fmt::fmt Threads::Threads)
target_precompile_headers(atoll_pch PUBLIC ${CMAKE_SOURCE_DIR}/cmake/pch.h)

# The same and GoogleTest for the tests: half a second less for each of them.
add_library(atoll_test_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_link_libraries(atoll_test_pch PUBLIC atoll_flags Boost::boost fmt::fmt Threads::Threads GTest::gmock)
target_precompile_headers(atoll_test_pch PUBLIC ${CMAKE_SOURCE_DIR}/cmake/pch.h <gtest/gtest.h>)

# Asio and Beast, compiled once: a tenth less of compiling for all the rest.
add_library(atoll_asio STATIC ${CMAKE_SOURCE_DIR}/cmake/asio.cc)
target_link_libraries(atoll_asio PUBLIC atoll_flags Boost::boost OpenSSL::SSL Threads::Threads)

# What `./dev bench` needs beyond the default targets, and all that `./dev build fuzz` builds.
add_custom_target(atoll_benches)
add_custom_target(atoll_fuzzers)

# Does this file hold planted bugs? The simulators compile it once more, with them.
function(atoll_is_planted source out)
  file(STRINGS ${source} uses REGEX "[^_]planted\\(PlantedBug::" LIMIT_COUNT 1)
  if(uses OR source MATCHES "src/base/planted_bug\\.cc$")
    set(${out} ON PARENT_SCOPE)
  else()
    set(${out} OFF PARENT_SCOPE)
  endif()
endfunction()

# Several files of a target are compiled as one: what their headers instantiate is then made once for all
# of them, which is half of the work. The dev preset compiles each file alone. A file with planted bugs stays
# alone, so that the simulators can put another object in its object's place.
function(atoll_batches target)
  if(ATOLL_BATCHES)
    get_target_property(sources ${target} SOURCES)
    foreach(source ${sources})
      atoll_is_planted(${source} planted)
      set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ${planted})
    endforeach()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 5)
    # The frame of a coroutine has members of unnamed namespaces; in a batch g++ takes that for a mistake.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# Layer names may hold a slash (frontend/s3); targets use an underscore.
function(atoll_target_name layer out)
  string(REPLACE "/" "_" name "${layer}")
  set(${out} "atoll_${name}" PARENT_SCOPE)
endfunction()

# atoll_layer(NAME [HEAVY_TESTS] [COLD] [ALONE] [TESTS_ALONE] DEPS layer... [TEST_DEPS layer...] EXTERNAL target...)
# Makes atoll_NAME from src/NAME/*.cc, atoll_NAME_test from *_test.cc, atoll_NAME_bench from
# *_bench.cc and, with ATOLL_FUZZ, one fuzzer for each *_fuzz.cc. COLD: no data passes through it, and it
# is compiled with -O1, a third quicker. ALONE, TESTS_ALONE: its files, or those of its tests, use the same
# names for different things and are never compiled in batches.
function(atoll_layer layer)
  cmake_parse_arguments(ARG "HEAVY_TESTS;COLD;ALONE;TESTS_ALONE" "" "DEPS;TEST_DEPS;EXTERNAL" ${ARGN})
  atoll_target_name(${layer} target)
  set(dir ${CMAKE_SOURCE_DIR}/src/${layer})

  # The include root of a layer shows that layer's headers alone.
  set(root ${CMAKE_BINARY_DIR}/include/${target})
  get_filename_component(parent ${root}/${layer} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${dir} ${root}/${layer} SYMBOLIC)

  file(GLOB all CONFIGURE_DEPENDS ${dir}/*.cc)
  set(tests ${all})
  set(benches ${all})
  set(fuzzers ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER all EXCLUDE REGEX "(_test|_bench|_fuzz|/main)\\.cc$")

  if(NOT all)
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(${target} STATIC ${all})
    set(scope PUBLIC)
    target_precompile_headers(${target} REUSE_FROM atoll_pch)
    if(ARG_COLD)
      target_compile_options(${target} PRIVATE -O1)
    endif()
    if(NOT ARG_ALONE)
      atoll_batches(${target})
    endif()
  endif()
  target_include_directories(${target} ${scope} ${root})
  target_link_libraries(${target} ${scope} atoll_flags atoll_asio Boost::boost fmt::fmt Threads::Threads
                        ${ARG_EXTERNAL})
  foreach(dep ${ARG_DEPS})
    atoll_target_name(${dep} dep_target)
    target_link_libraries(${target} ${scope} ${dep_target})
  endforeach()

  if(tests)
    add_executable(${target}_test ${tests})
    target_link_libraries(${target}_test PRIVATE ${target} GTest::gmock GTest::gtest_main)
    foreach(dep ${ARG_TEST_DEPS})
      atoll_target_name(${dep} dep_target)
      target_link_libraries(${target}_test PRIVATE ${dep_target})
    endforeach()
    target_precompile_headers(${target}_test REUSE_FROM atoll_test_pch)
    # Most bodies of tests run once: -Og compiles them a quarter faster, and the layer under test keeps
    # its own level. HEAVY_TESTS are models that compute for minutes.
    if(NOT ARG_HEAVY_TESTS)
      target_compile_options(${target}_test PRIVATE -Og)
    endif()
    if(NOT ARG_TESTS_ALONE)
      atoll_batches(${target}_test)
    endif()
    set_target_properties(${target}_test PROPERTIES
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/tests)
  endif()
  if(benches)
    add_executable(${target}_bench EXCLUDE_FROM_ALL ${benches})
    add_dependencies(atoll_benches ${target}_bench)
    target_link_libraries(${target}_bench PRIVATE ${target} benchmark::benchmark_main)
    target_precompile_headers(${target}_bench REUSE_FROM atoll_pch)
    set_target_properties(${target}_bench PROPERTIES
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/bench)
  endif()
  if(ATOLL_FUZZ)
    foreach(fuzzer ${fuzzers})
      get_filename_component(name ${fuzzer} NAME_WE)
      add_executable(${name} ${fuzzer})
      add_dependencies(atoll_fuzzers ${name})
      target_link_libraries(${name} PRIVATE ${target})
      target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
      set_target_properties(${name} PROPERTIES
                            RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/fuzz)
    endforeach()
  endif()
endfunction()

# atoll_program(NAME SOURCES file... LAYERS layer...)
function(atoll_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LAYERS" ${ARGN})
  list(TRANSFORM ARG_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  add_executable(${name} ${ARG_SOURCES})
  target_precompile_headers(${name} REUSE_FROM atoll_pch)
  foreach(layer ${ARG_LAYERS})
    atoll_target_name(${layer} layer_target)
    target_link_libraries(${name} PRIVATE ${layer_target})
  endforeach()
endfunction()
