#pragma once

#include <string>

#include "checkpoint/edit.h"

namespace ckpt::keras {

// Format::edit for Keras archives: always a new file, in place one that takes the old one's place.
// The HDF5 file inside is edited where it lies, no copy of it is made before: what stays of it goes
// from archive to archive in the kernel. `config.json` calls layers as the HDF5 file does; the
// other members are copied as they are.
EditResult edit_archive(const std::string& path, const std::string& target, const Edit& edit,
                        const EditOptions& options);

}  // namespace ckpt::keras
