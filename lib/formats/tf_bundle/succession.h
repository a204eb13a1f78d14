#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "core/system.h"
#include "formats/edit/name_lock.h"

namespace ckpt::tf {

// A new bundle at a prefix where an old one may be. Its shards never take the place of one that an
// index may speak of, since two files cannot change at once: they have another count in their
// names, for which an empty shard may come behind the others.
//
//     P.index  →  P.data-00000-of-00001                             the old one, until
//     P.index  →  P.data-00000-of-00002, P.data-00001-of-00002      its index is replaced
//
// After that the shards of the old one are removed. A kill in between leaves one of the two whole;
// what is left beside it is in nobody's way, since the next one replaces it.
class Succession {
 public:
  // Of a bundle with `needed` shards. Locks the name, and the index that is there for reading.
  // `overwrite` says whether shards are replaced that no index speaks of. Throws Error: kWrite
  // where the index is a symbolic link, whose shards are elsewhere, or no count is free; kIo where
  // another program is at work on either.
  Succession(std::string prefix, std::int64_t needed, Overwrite overwrite);
  ~Succession();
  Succession(const Succession&) = delete;
  Succession& operator=(const Succession&) = delete;

  // How many shards the new bundle has, in its header and in their names.
  [[nodiscard]] std::int64_t count() const { return count_; }

  // Creates the empty shards; they go away with the object unless it is told to keep them or to
  // finish. Throws Error(kWrite).
  void add_empty_shards();

  void keep() { made_.clear(); }

  // The new index has its name, for good: removes the shards of the old bundle.
  void finish();

 private:
  [[nodiscard]] std::int64_t count_of_old(const std::string& index);
  [[nodiscard]] std::int64_t free_count() const;

  std::string prefix_;
  std::int64_t needed_;
  std::int64_t old_count_ = 0;  // 0 where there is none, or none that can be read
  std::int64_t count_ = 0;
  NameLock lock_;
  FileDescriptor old_index_;
  std::vector<std::string> made_;
};

}  // namespace ckpt::tf
