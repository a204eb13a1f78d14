#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/string_pool.h"
#include "formats/hdf5/id_map.h"
#include "formats/hdf5/source.h"
#include "formats/hdf5_helper/operation.h"

namespace ckpt::hdf5 {

// A link as a Source has it, whose texts the tree holds: there are 100,000 of them.
struct TreeLink {
  std::string_view name;
  std::string_view target;  // of a soft link
  ObjectId object = 0;      // of a hard link
  Link::Kind kind = Link::Kind::kHard;
};

// A group's links: an array, and, once one of very many changes, a tree, so that each of 100,000
// changes in one group costs little.
class LinkGroup {
 public:
  LinkGroup() = default;
  // REQUIRES: `links` are sorted by name, no name twice.
  LinkGroup(std::vector<TreeLink> links, bool has_attributes)
      : links_(std::move(links)), has_attributes_(has_attributes) {}

  [[nodiscard]] std::size_t size() const { return changed_ ? changed_->size() : links_.size(); }
  [[nodiscard]] bool has_attributes() const { return has_attributes_; }
  // Was a link added, taken or changed?
  [[nodiscard]] bool is_changed() const { return is_changed_; }
  [[nodiscard]] std::vector<const TreeLink*> by_name() const;
  [[nodiscard]] const TreeLink* find(std::string_view name) const;
  [[nodiscard]] TreeLink* find(std::string_view name);

  bool add(const TreeLink& link);        // false where there is one of that name
  TreeLink take(std::string_view name);  // REQUIRES: there is one

 private:
  static constexpr std::size_t kMostInArray = 64;

  // To be called before a change: makes a tree of a large array.
  void prepare_to_change();

  std::vector<TreeLink> links_;
  std::unique_ptr<std::map<std::string_view, TreeLink>> changed_;  // then links_ is empty
  bool has_attributes_ = false;
  bool is_changed_ = false;
};

// The groups and links of a file in memory: what they are before an edit, and, as operations are
// applied to it, what they must be afterwards. By this the edit is planned, and by this the
// helper's patch is judged.
class LinkTree {
 public:
  // Objects that an operation makes have ids from here on, in the order in which they are made.
  static constexpr ObjectId kFirstMade = ObjectId{1} << 63U;

  explicit LinkTree(ObjectId root = 0) : root_(root) {}

  [[nodiscard]] ObjectId root() const { return root_; }
  // Null where the object is no group.
  [[nodiscard]] const LinkGroup* group(ObjectId id) const {
    const std::uint32_t* at = group_at_.find(id);
    return at == nullptr ? nullptr : &groups_[*at];
  }
  [[nodiscard]] bool has_soft_links() const { return has_soft_links_; }

  // REQUIRES: `links` are sorted by name, no name twice.
  void add_group(ObjectId id, std::span<const Link> links, bool has_attributes);

  // The link at `path`, by hard links through groups; null where there is none.
  [[nodiscard]] const TreeLink* find(std::string_view path) const;
  // The group at `path`, "" being the root; null where it is no group.
  [[nodiscard]] const LinkGroup* find_group(std::string_view path) const;
  // Where the soft link at `path`, with that target, leads inside the file; empty where nowhere.
  [[nodiscard]] std::optional<ObjectId> resolve_soft(std::string_view path,
                                                     std::string_view target) const;
  // Notes in each soft link, as its `object`, what it leads to now; 0 where nowhere.
  void remember_soft_targets();
  // A path to the object; empty where there is none, also for the root.
  [[nodiscard]] std::string path_to(ObjectId id) const;

  // Calls `f` with each path and link, depth first, the links of a group by name; also with the
  // group that the link leads to if it is entered there: each is entered once, by its first link.
  using Visit = std::function<void(const std::string&, const TreeLink&, const LinkGroup* entered)>;
  void visit(const Visit& f) const;

  // Does what the operation does. Throws Error(kConflict) where it is not possible: nothing is at
  // its path, something is where it moves to, a group is to move into itself.
  void apply(const Operation& operation);

 private:
  [[nodiscard]] LinkGroup* group_above(std::string_view path);

  void add_group(ObjectId id, LinkGroup group);

  ObjectId root_;
  StringPool strings_;
  std::deque<LinkGroup> groups_;
  IdMap<std::uint32_t> group_at_;  // in groups_
  bool has_soft_links_ = false;
  ObjectId next_made_ = kFirstMade;
};

// "a/b" of "a/b/c"; empty of "a".
std::string_view parent_path(std::string_view path);
std::string_view last_segment(std::string_view path);

}  // namespace ckpt::hdf5
