#pragma once

#include "formats/hdf5_helper/message.h"

namespace ckpt::hdf5 {

// Lays out a native file without its tensors: all groups, datasets and attributes, specs under
// their paths (stored_names()), with room left where the tensors go. The same input gives the same
// bytes: objects are made in the order of their paths and carry no timestamps. Data is contiguous,
// little-endian and aligned to 64 bytes. REQUIRES: as many paths as specs, ranks that HDF5 holds.
void lay_out(const LayoutRequest& request, OutcomeWriter& out);

}  // namespace ckpt::hdf5
