# petrel_library(base SOURCES a.cc DEPS petrel::x lib)  ->  target petrel_base, alias petrel::base
function(petrel_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_library(petrel_${name} STATIC ${A_SOURCES})
  add_library(petrel::${name} ALIAS petrel_${name})
  target_include_directories(petrel_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(petrel_${name} PRIVATE ${PETREL_WARNINGS})
  target_link_libraries(petrel_${name} PUBLIC fmt::fmt Threads::Threads ${A_DEPS})
endfunction()

# petrel_binary(petrel SOURCES main.cc DEPS ...)  ->  build/bin/petrel
function(petrel_binary name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${PETREL_WARNINGS})
  target_link_libraries(${name} PRIVATE fmt::fmt Threads::Threads ${A_DEPS})
endfunction()

# petrel_test(base_test SOURCES status_test.cc DEPS petrel::base)  ->  one gtest binary, one ctest entry per binary.
# LABELS unit (default) also runs under ASan+UBSan; system does not.
function(petrel_test name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  if(NOT A_LABELS)
    set(A_LABELS unit)
  endif()
  petrel_binary(${name} SOURCES ${A_SOURCES} DEPS ${A_DEPS} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_definitions(${name} PRIVATE PETREL_SOURCE_DIR="${CMAKE_SOURCE_DIR}" PETREL_BUILD_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${A_LABELS}" TIMEOUT 300)
endfunction()

# petrel_fuzzer(frame_fuzz SOURCES frame_fuzz.cc DEPS ...): a libFuzzer binary under the `fuzz` preset; under every other
# preset the same source is linked with tests/fuzz/replay_main.cc and replays tests/fuzz/corpus/<name> and
# tests/fuzz/findings/<name> as a unit test.
function(petrel_fuzzer name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  if(PETREL_FUZZ)
    petrel_binary(${name} SOURCES ${A_SOURCES} DEPS ${A_DEPS})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    petrel_binary(${name}_replay SOURCES ${A_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc DEPS ${A_DEPS})
    set_target_properties(${name}_replay PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${name}_replay COMMAND ${name}_replay ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name}
             ${CMAKE_SOURCE_DIR}/tests/fuzz/findings/${name})
    set_tests_properties(${name}_replay PROPERTIES LABELS "unit;fuzz" TIMEOUT 300)
  endif()
endfunction()
