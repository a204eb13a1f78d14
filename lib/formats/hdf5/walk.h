#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "formats/hdf5/notes.h"
#include "formats/hdf5/source.h"

namespace ckpt::hdf5 {

// What a walk over a file's objects found beside the datasets. Paths have no leading "/"; the root
// is "".
struct Walk {
  // By the group that it lies in: the paths of 100,000 groups, each in the one before, would take
  // gigabytes.
  struct Group {
    std::size_t parent;  // in `groups`; the root's is itself
    std::string name;
    ObjectId id;
    std::size_t path_bytes;  // of its path
  };
  std::vector<Group> groups;  // as they were met, the root first
  struct Alias {
    std::size_t dataset;  // in the order in which they were given out
    std::string path;
  };
  std::vector<Alias> aliases;  // further names of datasets, by hard links and soft links
};

// The path of a group, by its place in `groups`.
std::string path_of(const Walk& walk, std::size_t group);

// Finds groups by their paths.
class GroupFinder {
 public:
  // `walk` must outlive this.
  explicit GroupFinder(const Walk& walk);
  [[nodiscard]] std::optional<ObjectId> find(std::string_view path) const;

 private:
  const Walk& walk_;
  std::map<std::pair<std::size_t, std::string_view>, std::size_t> by_name_;
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
