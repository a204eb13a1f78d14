#pragma once

#include <memory>

#include "checkpoint/format.h"
#include "checkpoint/reader.h"
#include "core/file.h"

namespace ckpt::hdf5 {

// Opens an HDF5 file of any layout. Contiguous data is read from the file directly, without
// libhdf5. Throws Error as Format::open; messages do not name the file.
std::unique_ptr<Reader> open_hdf5(std::unique_ptr<RandomFile> file, const OpenOptions& options);

}  // namespace ckpt::hdf5
