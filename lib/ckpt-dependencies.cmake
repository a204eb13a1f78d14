# Finds what the library links with: for this project's own build and, through ckptConfig.cmake, for
# those who link the installed library. The others are looked for by file, since Debian's
# packages of them bring no CMake package, or one that asks for more than ckpt needs.
include(CMakeFindDependencyMacro)
find_dependency(nlohmann_json)
if(PROJECT_NAME STREQUAL "ckpt")
  find_package(CLI11 REQUIRED)
  # Headers alone, which those who link the library do not see.
  find_path(CKPT_PROTOZERO_INCLUDE_DIR protozero/pbf_reader.hpp REQUIRED)
endif()

function(ckpt_find_library target header header_suffix libraries)
  if(TARGET ${target})
    return()
  endif()
  string(TOUPPER ${target} id)
  string(MAKE_C_IDENTIFIER ${id} id)
  find_path(${id}_INCLUDE_DIR ${header} PATH_SUFFIXES ${header_suffix})
  if(PROJECT_NAME STREQUAL "ckpt" AND NOT target STREQUAL "ckpt::hdf5")
    # Static where there is one: loading shared libraries is a third of the time of a short command.
    # (A static libhdf5 asks for a dozen others by name.)
    list(TRANSFORM libraries REPLACE "(.+)" "lib\\1.a;\\1")
  endif()
  find_library(${id}_LIBRARY NAMES ${libraries})
  if(NOT ${id}_INCLUDE_DIR OR NOT ${id}_LIBRARY)
    message(FATAL_ERROR "ckpt needs ${header} and one of the libraries ${libraries}; "
      "tools/setup.sh installs them on Debian")
  endif()
  add_library(${target} UNKNOWN IMPORTED)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${${id}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${${id}_INCLUDE_DIR})
endfunction()

ckpt_find_library(ckpt::xxhash xxhash.h "" "xxhash")
ckpt_find_library(ckpt::re2 re2/re2.h "" "re2")
ckpt_find_library(ckpt::isal isa-l/crc.h "" "isal")
ckpt_find_library(ckpt::leveldb leveldb/table_builder.h "" "leveldb")
ckpt_find_library(ckpt::snappy snappy-c.h "" "snappy")
ckpt_find_library(ckpt::zlib zlib.h "" "z")
if(PROJECT_NAME STREQUAL "ckpt")
  ckpt_find_library(ckpt::hdf5 hdf5.h hdf5/serial "hdf5_serial;hdf5")  # of the helper program
endif()
