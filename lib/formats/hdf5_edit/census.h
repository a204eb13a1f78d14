#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "checkpoint/entry.h"
#include "core/file.h"
#include "formats/hdf5/source.h"
#include "formats/hdf5/variable.h"
#include "formats/hdf5/walk.h"
#include "formats/hdf5_edit/link_tree.h"

namespace ckpt::hdf5 {

// All that a file holds beside the tensors' values: enough to plan an edit of it, and to see
// afterwards that nothing else has changed.
struct Census {
  std::string layout;
  std::vector<Entry> entries;  // as a Reader's index has them
  std::vector<Place> places;   // of each entry
  LinkTree links;
  // Of every object a checksum of its kind, datatype, shape and storage, of groups also of their
  // attributes. Those of 100,000 datasets would take as long as all else; checksum_of() has them.
  std::unordered_map<ObjectId, std::uint64_t> objects;
  std::unordered_map<ObjectId, bool> has_attributes;  // of groups
};

// Counts everything in one walk. With `use_paths` entries are called by their places. Throws Error
// as a Reader that opens the file does.
Census take_census(const Source& source, const RandomFile& file, bool use_paths);

// The checksum of an object as above, with its attributes. Those of the names in `without`, also
// those with a number behind them, are left out.
std::uint64_t checksum_of(const Source& source, ObjectId id,
                          const std::vector<std::string>& without);

}  // namespace ckpt::hdf5
