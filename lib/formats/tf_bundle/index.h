#pragma once

#include <string_view>
#include <vector>

#include "core/file.h"
#include "core/string_pool.h"
#include "formats/tf_bundle/protos.h"
#include "formats/tf_bundle/slice.h"

namespace ckpt::tf {

// A bundle's `.index`, decoded and consistent in itself; nothing here has looked at a data shard.
struct BundleIndex {
  // A slice of a partitioned variable.
  struct Part {
    Box box;  // of the variable
    BundleEntry entry;
  };
  struct Variable {
    std::string_view name;    // one of `names`
    BundleEntry entry;        // of the whole tensor
    std::vector<Part> parts;  // of a partitioned variable, one a slice

    // Where its bytes lie: in one piece, or in one for each slice.
    [[nodiscard]] std::size_t piece_count() const { return parts.empty() ? 1 : parts.size(); }
    [[nodiscard]] const BundleEntry& piece(std::size_t i) const {
      return parts.empty() ? entry : parts[i].entry;
    }
  };
  BundleHeader header;
  std::vector<Variable> variables;  // in the order of the index: by name
  std::size_t slice_keys = 0;       // that belong to partitioned variables
  StringPool names;
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
