#pragma once

namespace ckpt::hdf5 {

// The folder where the helper program is installed. Alone in its source file: a program that links
// an installation brings its own definition (lib/ckptConfig.cmake.in), and the linker then leaves
// this one out of the archive.
extern const char* const helper_folder;

}  // namespace ckpt::hdf5
