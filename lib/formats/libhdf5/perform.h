#pragma once

#include "core/file.h"
#include "formats/hdf5_helper/message.h"

namespace ckpt::hdf5 {

// Lets libhdf5 carry out the operations on an overlay of `file`, the HDF5 file, and tells what it
// changed. The file itself is only read. Meant for a process of its own (helper.h): libhdf5 may
// crash on a damaged file. Throws Error(kCorrupt) with libhdf5's words.
void perform(const RandomFile& file, const EditRequest& request, OutcomeWriter& out);

}  // namespace ckpt::hdf5
