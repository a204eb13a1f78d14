# Installs the build into a scratch folder, builds tests/consumer against it and runs it.
#   cmake -D BUILD=<build> -D SOURCE=<consumer> -D COMPILER=<compiler>
#     -D SANITIZE=<bool> -P check_package.cmake
cmake_minimum_required(VERSION 3.25)
set(scratch ${BUILD}/package-test)
file(REMOVE_RECURSE ${scratch})
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nfailed with ${status}:\n${output}")
  endif()
endfunction()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${scratch}/prefix)
set(flags "")
if(SANITIZE)
  set(flags "-fsanitize=address,undefined")
endif()
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${scratch}/build -D CMAKE_PREFIX_PATH=${scratch}/prefix
  -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_CXX_FLAGS=${flags} -D CMAKE_CXX_STANDARD=20)
run(${CMAKE_COMMAND} --build ${scratch}/build)
run(${scratch}/build/consumer ${scratch}/written.h5)
run(${scratch}/prefix/bin/ckpt --version)
message("the installed package builds and runs a consumer")
