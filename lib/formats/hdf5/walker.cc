#include "formats/hdf5/walker.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::hdf5 {
namespace {

std::string join_path(const std::string& group, const std::string& name) {
  return group.empty() ? name : cat(group, "/", name);
}

std::string shown(const std::string& path) { return cat("/", escape(path)); }

// Paths of variables and links are kept, and together may be far longer than the file.
bool are_usual(std::uint64_t paths, std::uint64_t bytes) {
  return bytes <= kMaxPathsBytes + paths * kUsualPathBytes;
}

}  // namespace

Walker::Walker(const Source& source, const TakeDataset& take, Notes& notes,
               const TakeDamage& damage)
    : source_(source), take_(take), notes_(notes), damage_(&damage) {
  visit(source_.root());
}

Walker::Walker(const Source& source, const TakeDataset& take, Notes& notes, const Stretch& stretch,
               std::size_t most)
    : source_(source),
      take_(take),
      notes_(notes),
      most_objects_(most),
      depth_(stretch.depth - 1),
      path_(stretch.path) {
  found_.links = stretch.links.size();
  found_.walk.groups.push_back(
      {0, "", source.root(), path_.size()});  // stands for the stretch's group
  stack_.push_back({0, path_.size(), {stretch.links.begin(), stretch.links.end()}});
}

Stretch Walker::ahead() const {
  if (stack_.empty()) return {};
  const Frame& frame = stack_.back();
  return {std::string_view(path_).substr(0, frame.path_size), depth_ + stack_.size(), frame.next,
          std::span(frame.links).subspan(frame.next)};
}

bool Walker::step() {
  if (stack_.empty()) return false;
  Frame& frame = stack_.back();
  path_.resize(frame.path_size);
  if (frame.next == frame.links.size()) {
    stack_.pop_back();
    return true;
  }
  const Link link = std::move(frame.links[frame.next++]);
  if (path_.size() + link.name.size() + 1 > kMaxPathBytes) {
    throw Error(Errc::kUnsupported,
                cat("a path of more than ", kMaxPathBytes, " bytes in the file"));
  }
  follow(link);
  return true;
}

bool Walker::absorb(const Findings& part) {
  const auto& met = part.objects.ids();
  const bool is_apart =
      std::ranges::none_of(met, [&](ObjectId id) { return found_.objects.find(id) != nullptr; });
  const bool fits = found_.objects.size() + part.objects.size() <= most_objects_ &&
                    are_usual(found_.paths + part.paths, found_.path_bytes + part.path_bytes);
  if (!is_apart || !fits) return false;
  try {
    for (const Claim& claim : part.claims) source_.claim(claim);
  } catch (const Error&) {  // met again, and told, where the walk comes to it
    return false;
  }
  for (std::size_t i = 0; i < met.size(); ++i) {
    const Findings::Visited visited = part.objects.values()[i];
    *found_.objects.try_emplace(met[i]).first =
        visited < Findings::kOfNoInterest ? found_.datasets + visited : visited;
  }
  Frame& frame = stack_.back();
  const std::size_t before = found_.walk.groups.size() - 1;  // of the part's first that is its own
  for (std::size_t i = 1; i < part.walk.groups.size(); ++i) {
    Walk::Group group = part.walk.groups[i];
    group.parent = group.parent == 0 ? frame.group : before + group.parent;
    found_.walk.groups.push_back(std::move(group));
  }
  found_.datasets += part.datasets;
  found_.paths += part.paths;
  found_.path_bytes += part.path_bytes;
  frame.next += part.links;
  return true;
}

Walk Walker::finish() {
  resolve_soft_links();
  return std::move(found_.walk);
}

void Walker::follow(const Link& link) {
  switch (link.kind) {
    case Link::Kind::kHard:
      if (!path_.empty()) path_ += '/';
      path_ += link.name;
      visit(link.object);
      break;
    case Link::Kind::kSoft:
      count_path(path_.size() + 1 + link.name.size());
      found_.soft_links.push_back({found_.walk.groups[stack_.back().group].id,
                                   join_path(path_, link.name), std::string(link.target.view())});
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

void Walker::visit(ObjectId id) {
  const auto [known, is_new] = found_.objects.try_emplace(id);
  if (!is_new) {
    meet_again(*known);
    return;
  }
  if (found_.objects.size() > most_objects_) {
    throw Error(Errc::kUnsupported, cat("has more than ", most_objects_, " objects"));
  }
  bool is_open = false;
  try {
    Object object = source_.open(id);
    if (object.kind == Object::Kind::kGroup) check_names(object.links);
    if (found_.links > 0) std::ranges::copy(source_.claims(), std::back_inserter(found_.claims));
    is_open = true;
    take(id, object, *known);
  } catch (const Error& e) {
    if (is_open) throw;
    *known = Findings::kOfNoInterest;
    if (damage_ == nullptr || !*damage_) throw e.in(shown(path_));
    count_path(path_.size());
    (*damage_)(path_, e);
  }
}

void Walker::take(ObjectId id, Object& object, Findings::Visited& known) {
  known = Findings::kOfNoInterest;
  switch (object.kind) {
    case Object::Kind::kDataset:
      count_path(path_.size());
      if (take_(path_, id, std::move(object.dataset))) known = found_.datasets++;
      break;
    case Object::Kind::kGroup:
      known = Findings::kGroup;
      enter(id, std::move(object.links));
      break;
    case Object::Kind::kDatatype:
      break;
  }
}

void Walker::enter(ObjectId id, std::vector<Link> links) {
  if (depth_ + stack_.size() >= kMaxDepth) {
    throw Error(Errc::kUnsupported, cat("has groups nested more than ", kMaxDepth, " deep, at ",
                                        shown(path_.substr(0, 100)), "…"));
  }
  const std::size_t group = found_.walk.groups.size();
  const std::size_t parent = stack_.empty() ? group : stack_.back().group;
  const std::size_t before = stack_.empty() ? 0 : stack_.back().path_size;
  found_.walk.groups.push_back(
      {parent, path_.substr(before == 0 ? 0 : before + 1), id, path_.size()});
  stack_.push_back({group, path_.size(), std::move(links)});
}

void Walker::check_names(const std::vector<Link>& links) {
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

void Walker::count_path(std::size_t bytes) {
  ++found_.paths;
  found_.path_bytes += bytes;
  if (are_usual(found_.paths, found_.path_bytes)) return;
  throw Error(Errc::kUnsupported,
              cat("has ", found_.paths, " variables and links whose paths have ", found_.path_bytes,
                  " bytes together; at most ", kMaxPathsBytes, " and ", kUsualPathBytes,
                  " for each are read"));
}

void Walker::meet_again(Findings::Visited known) {
  if (known < Findings::kOfNoInterest) {
    count_path(path_.size());
    found_.walk.aliases.push_back({known, path_});
  } else if (known == Findings::kGroup) {
    notes_.add("further names of groups",
               cat(shown(path_),
                   ": a further name of a group that is listed under another "
                   "name; its variables are listed once"));
  }
}

// The links of a group, by name, remembered: only soft links need them again.
const Walker::Links& Walker::links_of(ObjectId id) {
  const auto [it, is_new] = resolved_groups_.try_emplace(id);
  const Findings::Visited* known = found_.objects.find(id);
  if (is_new && known != nullptr && *known == Findings::kGroup) {
    for (Link& link : source_.open(id).links) it->second.emplace(link.name, std::move(link));
  }
  return it->second;
}

// The object that a soft link at `start` leads to inside the file; empty where it leads nowhere,
// out of the file, or through too many soft links.
std::optional<ObjectId> Walker::resolve(ObjectId start, std::string target) {
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

void Walker::resolve_soft_links() {
  for (const Findings::SoftLink& link : found_.soft_links) {
    const auto object = resolve(link.group, link.target);
    const Findings::Visited* known = object ? found_.objects.find(*object) : nullptr;
    if (known == nullptr) {
      notes_.add("soft links that lead nowhere",
                 cat(shown(link.path), ": a soft link to ", escape(link.target),
                     ", which leads to nothing in this file"));
    } else if (*known < Findings::kOfNoInterest) {
      found_.walk.aliases.push_back({*known, link.path});
    } else {
      notes_.add("soft links to groups",
                 cat(shown(link.path), ": a soft link to ", escape(link.target),
                     ", whose variables are listed there"));
    }
  }
}

}  // namespace ckpt::hdf5
