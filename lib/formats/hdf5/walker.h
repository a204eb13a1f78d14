#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "formats/hdf5/id_map.h"
#include "formats/hdf5/limits.h"
#include "formats/hdf5/walk.h"

namespace ckpt::hdf5 {

// Links of a group that follow one another.
struct Stretch {
  std::string_view path;  // of the group
  std::size_t depth = 0;  // groups from the root to this one, both counted
  std::size_t first = 0;  // number of the first link in the group
  std::span<const Link> links;
};

// What a walker has found so far.
struct Findings {
  // What an object is: the number of a dataset, or one of these. Small, since there are many.
  using Visited = std::uint32_t;
  static constexpr Visited kGroup = UINT32_MAX;
  static constexpr Visited kOfNoInterest = UINT32_MAX - 1;  // a datatype, or not to be read
  static_assert(kMaxObjects < kOfNoInterest);
  struct SoftLink {
    ObjectId group;  // where it lies
    std::string path;
    std::string target;
  };
  std::size_t links = 0;  // of the stretch; the first of the groups stands for its own
  Walk walk;
  IdMap<Visited> objects;
  std::vector<Claim> claims;  // below a stretch
  std::vector<SoftLink> soft_links;
  std::uint32_t datasets = 0;
  std::uint64_t paths = 0;  // of variables and links, and their bytes
  std::uint64_t path_bytes = 0;
};

// walk() step by step, so that what lies below some links can be walked apart, by another walker
// with a source of its own, and taken over where the walk comes to them.
class Walker {
 public:
  // From the root. All must outlive the walker.
  Walker(const Source& source, const TakeDataset& take, Notes& notes, const TakeDamage& damage);
  // What lies below a stretch, and no more than `most` objects: more is Error(kUnsupported).
  Walker(const Source& source, const TakeDataset& take, Notes& notes, const Stretch& stretch,
         std::size_t most);

  // The links of the group that the walk is in which it has not followed; no path is kept. Valid
  // until the next call of step() or absorb().
  [[nodiscard]] Stretch ahead() const;

  // Follows a link, or leaves a group. False at the end.
  bool step();

  // Takes over what another walker has found below the next links, as if this walk had followed
  // them: its datasets are behind those given out so far. False, with nothing changed, where this
  // walk finds something else there, since it has met an object or its structures before, or too
  // many of them. REQUIRES: no further names and no soft links.
  bool absorb(const Findings& part);

  [[nodiscard]] const Findings& so_far() const { return found_; }
  // What was found. REQUIRES: step() was false; one of them, once.
  Findings findings() { return std::move(found_); }
  Walk finish();

 private:
  struct Frame {
    std::size_t group;      // in Walk::groups
    std::size_t path_size;  // of the group's own path
    std::vector<Link> links;
    std::size_t next = 0;
  };
  using Links = std::unordered_map<std::string, Link>;

  void follow(const Link& link);
  void visit(ObjectId id);
  void take(ObjectId id, Object& object, Findings::Visited& known);
  void enter(ObjectId id, std::vector<Link> links);
  void check_names(const std::vector<Link>& links);
  void count_path(std::size_t bytes);
  void meet_again(Findings::Visited known);
  const Links& links_of(ObjectId id);
  std::optional<ObjectId> resolve(ObjectId start, std::string target);
  void resolve_soft_links();

  const Source& source_;
  const TakeDataset& take_;
  Notes& notes_;
  const TakeDamage* damage_ = nullptr;
  std::size_t most_objects_ = kMaxObjects;
  std::size_t depth_ = 0;  // of groups above the one where the walk began
  Findings found_;
  std::string path_;
  std::vector<Frame> stack_;
  std::unordered_map<ObjectId, Links> resolved_groups_;
};

}  // namespace ckpt::hdf5
