#include "formats/hdf5/walk.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/id_map.h"
#include "formats/hdf5/limits.h"

namespace ckpt::hdf5 {
namespace {

struct Frame {
  std::size_t group;      // in Walk::groups
  std::size_t path_size;  // of the group's own path
  std::vector<Link> links;
  std::size_t next = 0;
};

struct SoftLink {
  ObjectId group;  // where it lies
  std::string path;
  std::string target;
};

std::string join_path(const std::string& group, const std::string& name) {
  return group.empty() ? name : cat(group, "/", name);
}

std::string shown(const std::string& path) { return cat("/", escape(path)); }

class Walker {
 public:
  Walker(const Source& source, const TakeDataset& take, Notes& notes, const TakeDamage& damage)
      : source_(source), take_(take), notes_(notes), damage_(damage) {}

  Walk run() {
    visit(source_.root());
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      path_.resize(frame.path_size);
      if (frame.next == frame.links.size()) {
        stack_.pop_back();
        continue;
      }
      const Link link = std::move(frame.links[frame.next++]);
      if (path_.size() + link.name.size() + 1 > kMaxPathBytes) {
        throw Error(Errc::kUnsupported,
                    cat("a path of more than ", kMaxPathBytes, " bytes in the file"));
      }
      follow(link);
    }
    resolve_soft_links();
    return std::move(result_);
  }

 private:
  void follow(const Link& link) {
    switch (link.kind) {
      case Link::Kind::kHard:
        if (!path_.empty()) path_ += '/';
        path_ += link.name;
        visit(link.object);
        break;
      case Link::Kind::kSoft:
        count_path(path_.size() + 1 + link.name.size());
        soft_links_.push_back({result_.groups[stack_.back().group].id, join_path(path_, link.name),
                               std::string(link.target.view())});
        break;
      case Link::Kind::kExternal:
        notes_.add("external links",
                   cat(shown(join_path(path_, link.name)), ": an external link to ",
                       escape(link.target), "; links that leave the file are not followed"));
        break;
      case Link::Kind::kUserDefined:
        notes_.add("links of unknown types",
                   cat(shown(join_path(path_, link.name)), ": a user-defined link (", link.target,
                       "), not followed"));
        break;
    }
  }

  void visit(ObjectId id) {
    const auto [known, is_new] = objects_.try_emplace(id);
    if (!is_new) {
      meet_again(*known);
      return;
    }
    if (objects_.size() > kMaxObjects) {
      throw Error(Errc::kUnsupported, cat("has more than ", kMaxObjects, " objects"));
    }
    bool is_open = false;
    try {
      Object object = source_.open(id);
      if (object.kind == Object::Kind::kGroup) check_names(object.links);
      is_open = true;
      take(id, object, *known);
    } catch (const Error& e) {
      if (is_open) throw;
      known->kind = Object::Kind::kDatatype;  // of no further interest
      if (!damage_) throw e.in(shown(path_));
      count_path(path_.size());
      damage_(path_, e);
    }
  }

  // Small, since there is one for each object.
  struct Visited {
    Object::Kind kind = Object::Kind::kGroup;
    std::uint32_t dataset = 0;
  };
  static_assert(kMaxObjects <= UINT32_MAX);

  void take(ObjectId id, Object& object, Visited& known) {
    known.kind = object.kind;
    switch (object.kind) {
      case Object::Kind::kDataset:
        known.dataset = datasets_;
        count_path(path_.size());
        if (take_(path_, id, std::move(object.dataset))) {
          ++datasets_;
        } else {
          known.kind = Object::Kind::kDatatype;
        }
        break;
      case Object::Kind::kGroup:
        enter(id, std::move(object.links));
        break;
      case Object::Kind::kDatatype:
        break;
    }
  }

  void enter(ObjectId id, std::vector<Link> links) {
    if (stack_.size() >= kMaxDepth) {
      throw Error(Errc::kUnsupported, cat("has groups nested more than ", kMaxDepth, " deep, at ",
                                          shown(path_.substr(0, 100)), "…"));
    }
    const std::size_t group = result_.groups.size();
    const std::size_t parent = stack_.empty() ? group : stack_.back().group;
    const std::size_t before = stack_.empty() ? 0 : stack_.back().path_size;
    result_.groups.push_back(
        {parent, path_.substr(before == 0 ? 0 : before + 1), id, path_.size()});
    stack_.push_back({group, path_.size(), std::move(links)});
  }

  void check_names(const std::vector<Link>& links) {
    for (std::size_t i = 0; i < links.size(); ++i) {
      const std::string& name = links[i].name;
      if (name.empty()) throw Error(Errc::kCorrupt, "a link has no name");
      if (name.size() > kMaxNameBytes) {
        throw Error(Errc::kUnsupported, cat("a link's name has ", name.size(), " bytes; at most ",
                                            kMaxNameBytes, " are read"));
      }
      if (i > 0 && links[i - 1].name == name) {
        throw Error(Errc::kCorrupt, cat("two links are called '", escape(name), "'"));
      }
      if (name == "." || name == ".." || name.find('/') != std::string::npos) {
        notes_.add("such names", cat(shown(path_), ": a link is called '", escape(name),
                                     "', which other programs may not be able to open"));
      }
    }
  }

  // Paths of variables and links are kept, and together may be far longer than the file.
  void count_path(std::size_t bytes) {
    ++paths_;
    path_bytes_ += bytes;
    if (path_bytes_ <= kMaxPathsBytes + paths_ * kUsualPathBytes) return;
    throw Error(Errc::kUnsupported, cat("has ", paths_, " variables and links whose paths have ",
                                        path_bytes_, " bytes together; at most ", kMaxPathsBytes,
                                        " and ", kUsualPathBytes, " for each are read"));
  }

  void meet_again(const Visited& known) {
    if (known.kind == Object::Kind::kDataset) {
      count_path(path_.size());
      result_.aliases.push_back({known.dataset, path_});
    } else if (known.kind == Object::Kind::kGroup) {
      notes_.add("further names of groups",
                 cat(shown(path_),
                     ": a further name of a group that is listed under another "
                     "name; its variables are listed once"));
    }
  }

  // The links of a group, by name, remembered: only soft links need them again.
  const std::unordered_map<std::string, Link>& links_of(ObjectId id) {
    const auto [it, is_new] = resolved_groups_.try_emplace(id);
    const Visited* known = objects_.find(id);
    if (is_new && known != nullptr && known->kind == Object::Kind::kGroup) {
      for (Link& link : source_.open(id).links) it->second.emplace(link.name, std::move(link));
    }
    return it->second;
  }

  // The object that a soft link at `start` leads to inside the file; empty where it leads nowhere,
  // out of the file, or through too many soft links.
  std::optional<ObjectId> resolve(ObjectId start, std::string target) {
    std::size_t hops = 0;
    ObjectId at = target.starts_with('/') ? source_.root() : start;
    while (!target.empty()) {
      const auto slash = target.find('/');
      const std::string name = target.substr(0, slash);
      target.erase(0, slash == std::string::npos ? target.size() : slash + 1);
      if (name.empty() || name == ".") continue;
      const auto& links = links_of(at);
      const auto it = links.find(name);
      if (it == links.end()) return std::nullopt;
      const Link& link = it->second;
      if (link.kind == Link::Kind::kHard) {
        at = link.object;
      } else if (link.kind == Link::Kind::kSoft && ++hops <= kMaxSoftLinkHops &&
                 link.target.view().size() + target.size() < kMaxPathBytes) {
        target = cat(link.target, "/", target);
        if (target.starts_with('/')) at = source_.root();
      } else {
        return std::nullopt;
      }
    }
    return at;
  }

  void resolve_soft_links() {
    for (const SoftLink& link : soft_links_) {
      const auto object = resolve(link.group, link.target);
      const Visited* known = object ? objects_.find(*object) : nullptr;
      if (known == nullptr) {
        notes_.add("soft links that lead nowhere",
                   cat(shown(link.path), ": a soft link to ", escape(link.target),
                       ", which leads to nothing in this file"));
      } else if (known->kind == Object::Kind::kDataset) {
        result_.aliases.push_back({known->dataset, link.path});
      } else {
        notes_.add("soft links to groups",
                   cat(shown(link.path), ": a soft link to ", escape(link.target),
                       ", whose variables are listed there"));
      }
    }
  }

  const Source& source_;
  const TakeDataset& take_;
  Notes& notes_;
  const TakeDamage& damage_;
  Walk result_;
  std::string path_;
  std::vector<Frame> stack_;
  IdMap<Visited> objects_;
  std::uint32_t datasets_ = 0;
  std::uint64_t paths_ = 0;
  std::uint64_t path_bytes_ = 0;
  std::vector<SoftLink> soft_links_;
  std::unordered_map<ObjectId, std::unordered_map<std::string, Link>> resolved_groups_;
};

}  // namespace

std::string path_of(const Walk& walk, std::size_t group) {
  std::vector<std::string_view> names;
  for (; group != walk.groups[group].parent; group = walk.groups[group].parent) {
    names.push_back(walk.groups[group].name);
  }
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!path.empty()) path += '/';
    path += *name;
  }
  return path;
}

GroupFinder::GroupFinder(const Walk& walk) : walk_(walk) {
  for (std::size_t i = 1; i < walk.groups.size(); ++i) {
    by_name_.emplace(std::pair(walk.groups[i].parent, std::string_view(walk.groups[i].name)), i);
  }
}

std::optional<ObjectId> GroupFinder::find(std::string_view path) const {
  if (walk_.groups.empty()) return std::nullopt;
  std::size_t at = 0;
  for (std::size_t end = path.empty() ? path.npos : 0; end != path.npos;) {
    end = path.find('/');
    const auto found = by_name_.find(std::pair(at, path.substr(0, end)));
    if (found == by_name_.end()) return std::nullopt;
    at = found->second;
    if (end != path.npos) path.remove_prefix(end + 1);
  }
  return walk_.groups[at].id;
}

Walk walk(const Source& source, const TakeDataset& take, Notes& notes, const TakeDamage& damage) {
  return Walker(source, take, notes, damage).run();
}

}  // namespace ckpt::hdf5
