#pragma once

#include <string>
#include <vector>

#include "core/file.h"
#include "formats/tf_bundle/protos.h"
#include "formats/tf_bundle/slice.h"

namespace ckpt::tf {

// A bundle's `.index`, decoded and consistent in itself; nothing here has looked at a data shard.
struct BundleIndex {
  // Bytes of a shard.
  struct Piece {
    Box box;  // of the variable; empty where the variable is not partitioned
    BundleEntry entry;
  };
  struct Variable {
    std::string name;
    BundleEntry entry;          // of the whole tensor
    std::vector<Piece> pieces;  // one, or one a slice
  };
  BundleHeader header;
  std::vector<Variable> variables;  // in the order of the index: by name
  std::size_t slice_keys = 0;       // that belong to partitioned variables
};

// Reads and checks an index: versions, entries' types, shapes and sizes, that each partitioned
// variable has its slices and they cover it. Throws Error: kCorrupt, or kUnsupported where the file
// asks for a newer reader or passes a limit.
BundleIndex read_bundle_index(const RandomFile& file);

// "a table of SavedTensorSlices": is what stands under the empty key of version 1's table?
bool is_v1_header(std::string_view value);

// Does the file end as a sorted table and begin with the header of version 1? False where it is
// damaged: such a file counts as a bundle.
bool is_v1_table(const RandomFile& file);

}  // namespace ckpt::tf
