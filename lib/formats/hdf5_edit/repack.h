#pragma once

#include <cstdint>
#include <string>

#include "checkpoint/edit.h"
#include "formats/hdf5_edit/census.h"
#include "formats/hdf5_edit/naming.h"

namespace ckpt::hdf5 {

// Throws Error(kUnsupported) where the file is not in the native layout, or holds something beside
// its variables.
void check_repackable(const Census& census);

// Writes the outcome of an edit from the start, without the room of what was dropped, tensor by
// tensor. For variables in one piece, with the attributes that this program knows: for others,
// Error(kUnsupported) says what is in the way. Gives the new length.
// REQUIRES: check_repackable() found nothing.
std::uint64_t repack_native(const Reader& original, const Census& census, const Wishes& wishes,
                            const Edit& edit, const std::string& target, Overwrite overwrite);

}  // namespace ckpt::hdf5
