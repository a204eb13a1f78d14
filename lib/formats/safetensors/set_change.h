#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/edit.h"
#include "core/atomic_file.h"
#include "core/file.h"
#include "core/system.h"

namespace ckpt::safetensors {

// What becomes of a set of files in place, or of one that comes into being or takes the place of
// another. Several files cannot change at once, so the index itself is the journal:
//
//     1 X-00002-of-00003.safetensors.ckpt-new    whole shards that must be written anew
//     2 the index is replaced by this change, as JSON      from here on the edit is decided
//     3 shards: new headers under a journal each; new files take the old ones' places; those that
//       the new set has not go away
//     4 the index is replaced by the new one
//
// Each step is flushed before the next begins. Until 2 the set is the old one. From 2 to 4 it is
// refused, by other programs too, since what is there is no index; and all of 3 can be done again.
struct SetChange {
  struct Shard {
    std::string file;    // beside the index
    std::string header;  // the new one, as long as the old; empty: the new file is at new_path()
  };
  std::vector<Shard> shards;      // that change
  std::vector<std::string> gone;  // shards of the old set alone
  std::string index;              // the text of the new one
};

// Locks on files of a set, by their names beside the index.
using SetLocks = std::map<std::string, FileDescriptor>;

// Where the new file of a shard waits: beside the file that a symbolic link leads to.
std::string new_path(const std::string& shard_path);

// The shard whose new file that is; empty where it is none.
std::optional<std::string_view> shard_of_new(std::string_view path);

// Does the index stand for a change that was interrupted? The other throws Error(kIo) then.
bool is_set_change(const RandomFile& index);
void refuse_set_change(const RandomFile& index);

// Step 2, for the set whose index is at `path`; `overwrite` says whether one may be there. Calls
// `decided` when it is done. Throws Error(kWrite), before that or after, where the folder could not
// be flushed.
void record(const std::string& path, const SetChange& change, Overwrite overwrite,
            const std::function<void()>& decided);

// Steps 3 and 4 of what was recorded, under locks on every shard. Throws Error(kWrite), with what
// is to be done then.
void finish(const std::string& path, const SetChange& change, const SetLocks& locks);

// Finishes what was interrupted. Format::recover.
Recovery recover_shards(const std::string& path);

}  // namespace ckpt::safetensors
