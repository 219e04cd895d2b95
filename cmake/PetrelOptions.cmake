# One place for language level, warnings and sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(PETREL_SANITIZE "" CACHE STRING "empty, 'address,undefined' or 'thread'")
option(PETREL_FUZZ "build the fuzz targets (clang only)" OFF)
option(PETREL_TIDY "run clang-tidy while compiling" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)

add_compile_options(-fstack-protector-strong)
add_compile_definitions(ASIO_STANDALONE ASIO_NO_DEPRECATED)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()
if(PETREL_SANITIZE)
  # -fno-sanitize=enum: Thrift 0.17 headers load enums from the wire before anybody can check them.
  add_compile_options(-fsanitize=${PETREL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PETREL_SANITIZE})
  if(PETREL_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=enum)
  endif()
  if(PETREL_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # asio's fences, beside the mutexes that order its queues anyway
  endif()
endif()
if(PETREL_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(PETREL_TIDY)
  set(CMAKE_CXX_CLANG_TIDY clang-tidy-19)
endif()

# Warnings for our own code only; generated code is added by PetrelProto without them.
set(PETREL_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns of overlapping copies inside std::string at -O2 (GCC bug 105651).
  list(APPEND PETREL_WARNINGS -Wno-restrict)
endif()
