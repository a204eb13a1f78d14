#pragma once

#include <string>

#include "checkpoint/edit.h"

namespace ckpt::numpy {

// Format::edit of an npz: members are copied as they are stored, packed or not, under their new
// names; only new tensors are written, stored. In place a changed copy takes the file's place.
EditResult edit_npz(const std::string& path, const std::string& target, const Edit& edit,
                    const EditOptions& options);

}  // namespace ckpt::numpy
