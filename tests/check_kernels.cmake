# Fails where an object of the fast kernels, which is compiled for processors that the rest of the
# program may not run on, shares a function with other objects: the linker could keep its copy for
# all. Each may define its table of kernels for others to see, and nothing else.
#   cmake -D NM=<nm> -D OBJECTS=<objects> -P tests/check_kernels.cmake
cmake_minimum_required(VERSION 3.25)
list(FILTER OBJECTS INCLUDE REGEX "fast/kernels_[a-z0-9]+\\.cc")
list(LENGTH OBJECTS count)
if(NOT count EQUAL 3)
  message(FATAL_ERROR "found ${count} objects of kernels, not 3")
endif()
foreach(object ${OBJECTS})
  execute_process(COMMAND ${NM} --defined-only --extern-only ${object}
    OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "[0-9a-f]+ [A-Z] _ZN4ckpt4fast[0-9]+k[A-Za-z0-9]+KernelsE\n" "" others "${symbols}")
  if(NOT others STREQUAL "")
    message(FATAL_ERROR "${object} shares more than its table with other objects:\n${others}")
  endif()
endforeach()
