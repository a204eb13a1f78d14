#pragma once

#include <span>

#include "core/file.h"
#include "formats/hdf5_helper/operation.h"

namespace ckpt::hdf5 {

// Lets libhdf5 carry out the operations on an overlay of `file` and gives what it changed. The file
// itself is only read. Meant for a process of its own (helper.h): libhdf5 may crash on a damaged
// file. Throws Error(kCorrupt) with libhdf5's words.
Outcome perform(const RandomFile& file, std::span<const Operation> operations);

}  // namespace ckpt::hdf5
