#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/system.h"
#include "formats/safetensors/set_change.h"

namespace ckpt::safetensors {

// A set of files that takes the place of another one, or of shards that have no index: written
// beside it, and then put in its place by one SetChange. Shards that the old one has and the new
// one has not, under names of the set's own kind, go away. Without commit() nothing has changed.
class SetReplacement {
 public:
  // Is anything there of a set with this index and these shards?
  static bool is_needed(const std::string& index_path, std::span<const std::string> shards);

  // Throws Error: kIo where another program is at work on the index, or a change of the set was
  // interrupted.
  explicit SetReplacement(const std::string& index_path);
  ~SetReplacement();
  SetReplacement(const SetReplacement&) = delete;
  SetReplacement& operator=(const SetReplacement&) = delete;

  // The path at which the new file of a shard is to be written.
  std::string add(const std::string& shard);

  // Throws Error(kWrite). REQUIRES: the files of all shards are written and flushed.
  void commit(std::string index);

 private:
  std::string index_path_;
  FileDescriptor locked_;
  std::vector<std::string> old_shards_;
  SetChange change_;
  std::vector<std::string> made_;
};

}  // namespace ckpt::safetensors
