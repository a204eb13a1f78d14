#pragma once

#include <string>

#include "checkpoint/edit.h"

namespace ckpt::safetensors {

// Format::edit for a set of files. To a new set: each shard is edited to a new one of a
// NewSet. In place: edit_set().
EditResult edit_shards(const std::string& path, const std::string& target, const Edit& edit,
                       const EditOptions& options);

}  // namespace ckpt::safetensors
