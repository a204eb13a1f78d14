#pragma once

#include <string>

#include "checkpoint/edit.h"

namespace ckpt::torch {

// Format::edit of a zip archive: a new data.pkl with other keys, beside the other members as they
// are. Storages that nothing needs any more are left out. In place a changed copy takes the file's
// place. The older, unzipped files and TorchScript archives are refused.
EditResult edit(const std::string& path, const std::string& target, const Edit& edit,
                const EditOptions& options);

}  // namespace ckpt::torch
