#pragma once

#include <string>
#include <vector>

#include "storage/change.h"

namespace ckpt::safetensors {

// A set of files that comes into being, or that takes the place of another one or of shards without
// an index, as one change, so that no shard ever lies without its index. Shards that the old set
// has and the new one has not, under names of the set's own kind, go away.
class NewSet {
 public:
  // Of the set with this index and these shards. Throws Error: what Change() throws; kWrite where
  // one of the shards is there and may not be overwritten; kIo where a change of what is there was
  // interrupted.
  NewSet(const std::string& index_path, const std::vector<std::string>& shards, Overwrite overwrite,
         Wait wait, const LockedFile* source = nullptr);

  [[nodiscard]] Change& change() { return change_; }

 private:
  Change change_;
};

}  // namespace ckpt::safetensors
