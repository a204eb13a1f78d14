#pragma once

#include "checkpoint/checkup.h"
#include "core/file.h"

namespace ckpt::hdf5 {

// Finds attributes that nearly fill what an object header can hold, and the room that nothing uses:
// what removed variables and attributes that grew have left behind. Room of less than a twentieth
// of the file or 64 KiB is not told, since alignment and the library's own reserves look the same;
// nor is any where there are variables of variable length, whose elements are not followed.
Upkeep upkeep_hdf5(const RandomFile& file);

}  // namespace ckpt::hdf5
