#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/hdf5/source.h"
#include "formats/hdf5_helper/operation.h"

namespace ckpt::hdf5 {

// The groups and links of a file in memory: what they are before an edit, and, as operations are
// applied to it, what they must be afterwards. By this the edit is planned, and by this the
// helper's patch is judged.
class LinkTree {
 public:
  using Group = std::map<std::string, Link, std::less<>>;

  // Objects that an operation makes have ids from here on, in the order in which they are made.
  static constexpr ObjectId kFirstMade = ObjectId{1} << 63U;

  explicit LinkTree(ObjectId root = 0) : root_(root) {}

  [[nodiscard]] ObjectId root() const { return root_; }
  [[nodiscard]] const std::unordered_map<ObjectId, Group>& groups() const { return groups_; }
  [[nodiscard]] bool is_group(ObjectId id) const { return groups_.contains(id); }

  void add_group(ObjectId id, std::vector<Link> links);

  // The link at `path`, by hard links through groups; null where there is none.
  [[nodiscard]] const Link* find(std::string_view path) const;
  // The group at `path`, "" being the root; null where it is no group.
  [[nodiscard]] const Group* find_group(std::string_view path) const;
  // Where the soft link at `path`, with that target, leads inside the file; empty where nowhere.
  [[nodiscard]] std::optional<ObjectId> resolve_soft(const std::string& path,
                                                     const std::string& target) const;
  // Notes in each soft link, as its `object`, what it leads to now; 0 where nowhere.
  void remember_soft_targets();
  // A path to the object; empty where there is none, also for the root.
  [[nodiscard]] std::string path_to(ObjectId id) const;

  // Calls `f` with each path and link, each group entered once; the links of a group by name.
  void visit(const std::function<void(const std::string&, const Link&)>& f) const;

  // Does what the operation does. Throws Error(kConflict) where it is not possible: nothing is at
  // its path, something is where it moves to, a group is to move into itself.
  void apply(const Operation& operation);

 private:
  [[nodiscard]] Group* group_above(std::string_view path);

  ObjectId root_;
  std::unordered_map<ObjectId, Group> groups_;
  ObjectId next_made_ = kFirstMade;
};

// "a/b" of "a/b/c"; empty of "a".
std::string_view parent_path(std::string_view path);
std::string_view last_segment(std::string_view path);

}  // namespace ckpt::hdf5
