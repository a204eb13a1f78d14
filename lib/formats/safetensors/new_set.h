#pragma once

#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "core/system.h"
#include "formats/edit/name_lock.h"
#include "formats/safetensors/set_change.h"

namespace ckpt::safetensors {

// A set of files that comes into being, or that takes the place of another one or of shards without
// an index: written beside their places, and then put there by one SetChange, so that no shard ever
// lies without its index. Shards that the old set has and the new one has not, under names of the
// set's own kind, go away. Without commit() nothing has changed; files that a killed run has left
// beside the places of a set's shards are removed by the next.
class NewSet {
 public:
  // Of the set with this index and these shards. Throws Error: kWrite where one of them is there
  // and may not be overwritten, or the folder cannot be written in; kIo where another program is at
  // work on the set, or a change of it was interrupted.
  NewSet(const std::string& index_path, const std::vector<std::string>& shards,
         Overwrite overwrite);
  ~NewSet();
  NewSet(const NewSet&) = delete;
  NewSet& operator=(const NewSet&) = delete;

  // Where the new file of a shard is to be written.
  [[nodiscard]] const std::string& path_of(std::size_t shard) const { return made_[shard]; }

  // Throws Error(kWrite). REQUIRES: the files of all shards are written and flushed.
  void commit(std::string index);

 private:
  void check_shards() const;
  void sweep() const;

  std::string index_path_;
  std::string stem_;
  Overwrite overwrite_;
  NameLock lock_;
  FileDescriptor old_index_;
  std::vector<std::string> old_shards_;
  SetChange change_;
  std::vector<std::string> made_;  // goes away with the object
};

}  // namespace ckpt::safetensors
