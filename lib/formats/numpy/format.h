#pragma once

#include "checkpoint/format.h"

namespace ckpt::numpy {

// A zip archive of NumPy files: read and written. A variable's name is its member's without the
// last ".npy", as numpy.load() says it too; its place is the member's name.
extern const Format kNpzFormat;

// A single NumPy file: read. It has no name for its array, so the variable is called as the file
// is, without ".npy".
extern const Format kNpyFormat;

}  // namespace ckpt::numpy
