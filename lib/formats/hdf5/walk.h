#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/hdf5/notes.h"
#include "formats/hdf5/source.h"

namespace ckpt::hdf5 {

// What a walk over a file's objects found beside the datasets. Paths have no leading "/"; the root
// is "".
struct Walk {
  std::unordered_map<std::string, ObjectId> groups;
  struct Alias {
    std::size_t dataset;  // in the order in which they were given out
    std::string path;
  };
  std::vector<Alias> aliases;  // further names of datasets, by hard links and soft links
};

using TakeDataset = std::function<void(const std::string& path, ObjectId id, Dataset&& dataset)>;

// Visits every object that hard links lead to from the root: depth first, the links of a group in
// the order of their names. Each object is opened once. A dataset is given out under the first path
// that leads to it; paths met later are aliases, also those of soft links that lead to it within
// the file. A group met again is a note, so that cycles end. Links that leave the file are notes
// and are not followed.
// Throws Error(kCorrupt) where an object cannot be read or two links of a group have one name,
// kUnsupported past the ceilings of limits.h.
Walk walk(const Source& source, const TakeDataset& take, Notes& notes);

}  // namespace ckpt::hdf5
