#pragma once

#include <cstdint>
#include <string>

#include "core/file.h"
#include "storage/change.h"

namespace ckpt::tf {

// The names of a bundle's data shards where an old bundle may be. New shards never take the place
// of one that an index may speak of, since two files cannot change at once: they have another count
// in their names, for which an empty shard may come behind the others.
//
//     P.index  →  P.data-00000-of-00001                             the old one, until
//     P.index  →  P.data-00000-of-00002, P.data-00001-of-00002      its index is replaced

// The first count, from `needed` on, under which the prefix has no data shards. Throws
// Error(kWrite) where there is none among a hundred.
std::int64_t free_count(const std::string& prefix, std::int64_t needed);

// How many bytes of the data shard of that name an index speaks of, 0 where it names no such shard;
// 0 for all where there is no index that can be read.
class NeededShards {
 public:
  // `index` may be null.
  NeededShards(const RandomFile* index, const std::string& index_path);

  [[nodiscard]] bool names(const std::string& shard) const { return needed_.contains(shard); }
  [[nodiscard]] std::uint64_t bytes_of(const std::string& shard) const;
  [[nodiscard]] const std::map<std::string, std::uint64_t>& all() const { return needed_; }

 private:
  std::map<std::string, std::uint64_t> needed_;
};

// Takes back what interrupted edits of the bundle have left beside its index (take_back_intents()).
// `index` may be null.
bool clean_up(const RandomFile* index, const std::string& index_path);

// The data shards of the old index of a change go away with it.
void remove_old_shards(Change& change);

}  // namespace ckpt::tf
