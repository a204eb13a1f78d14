#pragma once

#include <string>

#include "checkpoint/edit.h"
#include "core/file.h"

namespace ckpt::hdf5 {

// Format::edit, undo and end_of_data for HDF5 files of any layout.
//
//     names ── resolve ─ place_names ─ compile ──→ operations ── helper ──→ patch
//     patch ── check_outcome ──→ a clone, linked into place    (new file, replace)
//                           └──→ the file itself, journalled   (in place)

EditResult edit_hdf5(const std::string& path, const std::string& target, const Edit& edit,
                     const EditOptions& options);
void undo_hdf5(const std::string& path, const Undo& undo, const EditOptions& options);
std::uint64_t end_of_hdf5(const RandomFile& file);

}  // namespace ckpt::hdf5
