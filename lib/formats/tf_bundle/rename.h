#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/file.h"
#include "formats/tf_bundle/object_graph.h"
#include "formats/tf_bundle/protos.h"

namespace ckpt::tf {

// A bundle under other names. Shards keep all of their bytes and entries their places in them, so
// only an index is written; for an object-based checkpoint also a new object graph, whose old text
// stays in its shard, unused, so that the old index is good until the new one takes its place.
struct RenamedIndex {
  std::string index;  // the whole new file
  struct Append {
    std::int32_t shard = 0;
    std::uint64_t offset = 0;  // the end of that shard, as it is now
    std::string bytes;
  };
  std::optional<Append> append;  // to be written, and flushed, before the index
};

// What else becomes of the bundle.
struct OtherChanges {
  std::optional<std::int64_t> shards;        // how many it has, where those are given new names
  std::set<std::string, std::less<>> drops;  // left out; the bytes stay in their shards, unused
  std::map<std::string, BundleEntry> added;  // that lie behind the other bytes of their shards
};

// `rename` gives the new name of a variable, or nothing where it keeps its own; a partitioned
// variable's slices follow it. `shard` opens a data shard by its number, or gives null; it is asked
// for the one with the object graph, where names in that graph change.
// Throws Error: kConflict where two variables would have one name, kInvalid where a name would be
// empty or begin with byte 0, kNotFound where the object graph's shard is missing, and what
// read_bundle_index() throws.
RenamedIndex rename_in_bundle(const RandomFile& index, const Rename& rename,
                              const std::function<const RandomFile*(std::int32_t)>& shard,
                              const OtherChanges& others = {});

}  // namespace ckpt::tf
