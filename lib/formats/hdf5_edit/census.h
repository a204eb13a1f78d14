#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "core/string_pool.h"
#include "formats/hdf5/source.h"
#include "formats/hdf5/walk.h"
#include "formats/hdf5_edit/link_tree.h"
#include "formats/hdf5_edit/traces.h"

namespace ckpt::hdf5 {

// The names of a file's variables, as a Reader's index has them. Of 100,000 variables all else
// would be too much to hold beside a plan.
struct Variables {
  struct Variable {
    std::string_view place;  // its path
    ObjectId object = 0;
    Storage::Kind kind = Storage::Kind::kUnallocated;  // not of one that was recalled
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

// Whom a walk asks about every object, a group before what is in it.
class Observer {
 public:
  virtual ~Observer() = default;
  // An object that is known and need not be read: of a dataset its kind is enough. Empty: not
  // known.
  virtual std::optional<Object> recall(ObjectId id) = 0;
  // One that was read.
  virtual void see(ObjectId id, const Object& object) = 0;
};

// Lists them in one walk. With `use_paths` variables are called by their places. Throws Error as a
// Reader that opens the file does, and what the observer throws.
Variables list_variables(const Source& source, const RandomFile& file, bool use_paths,
                         Observer& observer);

// All that a file holds beside the tensors' values: enough to plan an edit of it, and to see
// afterwards that nothing else has changed.
struct Census : Variables {
  LinkTree links;
  Traces traces;  // of every object
};

// Counts everything in one walk. REQUIRES: the source is traced.
Census take_census(const Source& source, const RandomFile& file, bool use_paths);

// A checksum of an object's kind, datatype, shape, storage and attributes. Attributes of the names
// in `without`, also those with a number behind them, are left out.
std::uint64_t checksum_of(const Source& source, ObjectId id, const Object& object,
                          const std::vector<std::string>& without);

}  // namespace ckpt::hdf5
