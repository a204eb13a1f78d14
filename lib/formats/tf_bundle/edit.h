#pragma once

#include <string>

#include "checkpoint/edit.h"
#include "storage/journal.h"

namespace ckpt::tf {

// Format::edit for a bundle. Its index is written anew; data shards stay as they are, but that new
// tensors, and an object graph with other names, are appended to one of them. A new bundle shares
// the shards' blocks where the file system can, else it has them by hard links; a shard that is
// appended to is copied. The index comes last: before it the old bundle is whole, or there is none;
// one that is overwritten, too (shard_names.h).
EditResult edit(const std::string& path, const std::string& target, const Edit& edit,
                const EditOptions& options);

// Format::undo. Shards are cut at their old length, once the old index is back.
void undo(const std::string& path, const Undo& undo, const EditOptions& options);

// Format::recover: takes back what an interrupted edit has left beside the index, or behind the end
// of a shard.
Recovery recover(const LockedFile& file, Wait wait);

}  // namespace ckpt::tf
