#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/file.h"
#include "storage/change.h"
#include "storage/undo.h"

namespace ckpt::tf {

// The data shards of a bundle that is edited: in place, or on their way to a new prefix. All that
// is done to them keeps the old index good.
class ShardFiles {
 public:
  struct Names {
    std::string prefix;
    std::int64_t count = 0;
  };
  // `target` is the new prefix, under which nothing is with its count; empty in place. `change` is
  // that of the index, and outlives this.
  ShardFiles(Names source, Names target, Change& change);

  // The shard with what was appended to it; null where it is not there.
  const RandomFile* view(std::int32_t shard);

  // Writes behind the end of a shard, of which the original keeps every byte.
  // Throws Error: kNotFound where it is not there, kWrite.
  void append(std::int32_t shard, ByteView bytes);

  // Asks for the new names of all shards, and for empty ones where the target has more.
  // Throws Error: kNotFound where a shard is missing; kWrite.
  void finish();

  [[nodiscard]] std::uint64_t bytes() const;  // of all shards, as they are now
  [[nodiscard]] std::vector<Undo::Grown> grown() const;
  [[nodiscard]] bool has_links() const { return has_links_; }

 private:
  struct Shard {
    std::string path;
    std::uint64_t size_before = 0;
    std::uint64_t size = 0;
    NewFile* copy = nullptr;  // that is appended to, on its way to a new prefix
    std::unique_ptr<RandomFile> view;
  };

  Shard* find(std::int32_t shard);
  [[nodiscard]] bool is_in_place() const { return target_.prefix.empty(); }
  [[nodiscard]] std::string target_of(std::int32_t shard) const;

  Names source_;
  Names target_;
  Change& change_;
  std::map<std::int32_t, Shard> shards_;
  bool has_links_ = false;
};

}  // namespace ckpt::tf
