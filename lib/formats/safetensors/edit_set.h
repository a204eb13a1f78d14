#pragma once

#include <string>

#include "checkpoint/edit.h"

namespace ckpt::safetensors {

// Format::edit in place for a set of files: shards whose new header fits into the room of the old
// one get that, others are written anew; all of it, and the index, by one SetChange.
EditResult edit_set(const std::string& path, const Edit& edit, const EditOptions& options);

// Format::undo.
void undo_shards(const std::string& path, const Undo& undo, const EditOptions& options);

}  // namespace ckpt::safetensors
