#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file.h"
#include "core/string_pool.h"
#include "formats/hdf5/source.h"
#include "formats/hdf5/walk.h"
#include "formats/hdf5_edit/link_tree.h"

namespace ckpt::hdf5 {

// The names of a file's variables, as a Reader's index has them. Of 100,000 variables all else
// would be too much to hold beside a plan.
struct Variables {
  struct Variable {
    std::string_view place;  // its path
    ObjectId object = 0;
    Storage::Kind kind = Storage::Kind::kUnallocated;
  };
  struct Alias {
    std::size_t variable = 0;
    std::string_view path;
  };
  std::string layout;
  std::vector<Variable> variables;
  std::map<std::size_t, std::string> names;  // of those that are not called by their place
  std::vector<Alias> aliases;                // by their variable, then by path
  StringPool strings;                        // that the views are in

  [[nodiscard]] std::string_view name_of(std::size_t i) const;
  // The further names of variable `i`.
  [[nodiscard]] std::span<const Alias> aliases_of(std::size_t i) const;
};

// An object as it goes by, and a checksum of its kind, datatype, shape and storage, of a group also
// of its attributes. Those of 100,000 datasets would take as long as all else; checksum_of() has
// them.
using Observe = std::function<void(ObjectId, const Object&, std::uint64_t checksum)>;

// Lists them in one walk, in which every object is observed: a group before what is in it. With
// `use_paths` variables are called by their places. Throws Error as a Reader that opens the file
// does, and what `observe` throws.
Variables list_variables(const Source& source, const RandomFile& file, bool use_paths,
                         const Observe& observe);

// All that a file holds beside the tensors' values: enough to plan an edit of it, and to see
// afterwards that nothing else has changed.
struct Census : Variables {
  LinkTree links;
  std::vector<std::pair<ObjectId, std::uint64_t>> checksums;  // of every object, sorted

  [[nodiscard]] std::optional<std::uint64_t> checksum_of(ObjectId id) const;
};

// Counts everything in one walk.
Census take_census(const Source& source, const RandomFile& file, bool use_paths);

// The checksum of an object as above, with its attributes. Those of the names in `without`, also
// those with a number behind them, are left out.
std::uint64_t checksum_of(const Source& source, ObjectId id,
                          const std::vector<std::string>& without);

}  // namespace ckpt::hdf5
