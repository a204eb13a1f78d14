#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "formats/hdf5/notes.h"
#include "formats/hdf5/source.h"

namespace ckpt::hdf5 {

// What a walk over a file's objects found beside the datasets. Paths have no leading "/"; the root
// is "".
struct Walk {
  struct Group {
    std::string path;
    ObjectId id;
  };
  std::vector<Group> groups;  // as they were met
  struct Alias {
    std::size_t dataset;  // in the order in which they were given out
    std::string path;
  };
  std::vector<Alias> aliases;  // further names of datasets, by hard links and soft links
};

// Where the answer is false, the dataset is passed over as if it were not there.
using TakeDataset = std::function<bool(const std::string& path, ObjectId id, Dataset&& dataset)>;
// An object that cannot be read.
using TakeDamage = std::function<void(const std::string& path, const Error& error)>;

// Visits every object that hard links lead to from the root: depth first, the links of a group in
// the order of their names. Each object is opened once. A dataset is given out under the first path
// that leads to it; paths met later are aliases, also those of soft links that lead to it within
// the file. A group met again is a note, so that cycles end. Links that leave the file are notes
// and are not followed.
// Where `damage` is given, what cannot be read goes there and is passed over; else
// throws Error(kCorrupt) where an object cannot be read or two links of a group have one name.
// Throws Error(kUnsupported) past the ceilings of limits.h.
Walk walk(const Source& source, const TakeDataset& take, Notes& notes,
          const TakeDamage& damage = {});

}  // namespace ckpt::hdf5
