#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/undo.h"
#include "core/atomic_file.h"
#include "core/file.h"
#include "core/system.h"

namespace ckpt::tf {

// The data shards of a bundle that is edited: in place, or on their way to a new prefix. All that
// is done to them keeps the old index good. Without keep() it is taken back with the object.
class ShardFiles {
 public:
  // `target` is the new prefix, and no index speaks of shards there with its count; empty in place.
  // `overwrite` says whether such shards are replaced.
  struct Names {
    std::string prefix;
    std::int64_t count = 0;
  };
  ShardFiles(Names source, Names target, Overwrite overwrite);
  ~ShardFiles();
  ShardFiles(const ShardFiles&) = delete;
  ShardFiles& operator=(const ShardFiles&) = delete;

  // The shard with what was appended to it; null where it is not there.
  const RandomFile* view(std::int32_t shard);

  // Writes behind the end of a shard, of which the original keeps every byte.
  // Throws Error: kNotFound where it is not there, kWrite.
  void append(std::int32_t shard, ByteView bytes);

  // Gives the shards their new names, by links where nothing was appended; a link that an
  // interrupted run has left is taken for its own. In place flushes what was appended.
  // Throws Error: kNotFound where a shard is missing; kWrite, also where a target exists.
  void commit();

  // The edit is done.
  void keep() { kept_ = true; }

  [[nodiscard]] std::uint64_t bytes() const;  // of all shards, as they are now
  [[nodiscard]] std::vector<Undo::Grown> grown() const;
  [[nodiscard]] bool has_links() const { return has_links_; }

 private:
  struct Shard {
    std::string path;
    std::uint64_t size_before = 0;
    std::uint64_t size = 0;
    std::unique_ptr<AtomicFile> copy;  // that is appended to
    FileDescriptor own;                // the shard itself, where it is appended to in place
    std::unique_ptr<RandomFile> view;
  };

  Shard* find(std::int32_t shard);
  void start_appending(Shard& shard, const std::string& target);
  [[nodiscard]] bool is_in_place() const { return target_.prefix.empty(); }
  [[nodiscard]] std::string target_of(std::int32_t shard) const;
  [[nodiscard]] bool is_linked_already(const Shard& shard, const std::string& target) const;
  void commit(std::int32_t shard);

  Names source_;
  Names target_;
  Overwrite overwrite_;
  std::map<std::int32_t, Shard> shards_;
  std::vector<std::string> created_;
  bool has_links_ = false;
  bool kept_ = false;
};

}  // namespace ckpt::tf
