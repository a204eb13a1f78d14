include(${CMAKE_CURRENT_LIST_DIR}/ckpt-dependencies.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/ckptTargets.cmake)
