#pragma once

#include <string>

#include "checkpoint/edit.h"

namespace ckpt::safetensors {

// Format::edit for a set of files. To a new set: each shard is edited to a new one beside the new
// index, which comes last, so that where it is the set is whole. In place: edit_set().
EditResult edit_shards(const std::string& path, const std::string& target, const Edit& edit,
                       const EditOptions& options);

}  // namespace ckpt::safetensors
