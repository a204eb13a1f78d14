#include "formats/hdf5_edit/link_tree.h"

#include <unordered_set>
#include <utility>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/limits.h"

namespace ckpt::hdf5 {
namespace {

std::string shown(std::string_view path) { return cat("/", escape(path)); }

std::string below(const std::string& group, const std::string& name) {
  return group.empty() ? name : cat(group, "/", name);
}

}  // namespace

std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view last_segment(std::string_view path) { return path.substr(path.rfind('/') + 1); }

void LinkTree::add_group(ObjectId id, std::vector<Link> links) {
  Group& group = groups_[id];
  for (Link& link : links) {
    std::string name = link.name;
    group.emplace(std::move(name), std::move(link));
  }
}

const LinkTree::Group* LinkTree::find_group(std::string_view path) const {
  auto at = groups_.find(root_);
  while (!path.empty() && at != groups_.end()) {
    const auto slash = path.find('/');
    const auto link = at->second.find(path.substr(0, slash));
    if (link == at->second.end() || link->second.kind != Link::Kind::kHard) return nullptr;
    at = groups_.find(link->second.object);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return at == groups_.end() ? nullptr : &at->second;
}

LinkTree::Group* LinkTree::group_above(std::string_view path) {
  return const_cast<Group*>(std::as_const(*this).find_group(parent_path(path)));
}

const Link* LinkTree::find(std::string_view path) const {
  const Group* group = find_group(parent_path(path));
  if (group == nullptr) return nullptr;
  const auto it = group->find(last_segment(path));
  return it == group->end() ? nullptr : &it->second;
}

std::optional<ObjectId> LinkTree::resolve_soft(const std::string& path,
                                               const std::string& target) const {
  std::string rest = target;
  ObjectId at = root_;
  if (!target.starts_with('/') && !parent_path(path).empty()) {
    const Link* above = find(parent_path(path));
    if (above == nullptr) return std::nullopt;
    at = above->object;
  }
  for (std::size_t hops = 0; !rest.empty();) {
    const auto slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    rest.erase(0, slash == std::string::npos ? rest.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    const auto group = groups_.find(at);
    if (group == groups_.end()) return std::nullopt;
    const auto link = group->second.find(name);
    if (link == group->second.end()) return std::nullopt;
    if (link->second.kind == Link::Kind::kHard) {
      at = link->second.object;
    } else if (link->second.kind == Link::Kind::kSoft && ++hops <= kMaxSoftLinkHops &&
               rest.size() + link->second.target.size() < kMaxPathBytes) {
      rest = cat(link->second.target, "/", rest);
      if (rest.starts_with('/')) at = root_;
    } else {
      return std::nullopt;
    }
  }
  return at;
}

void LinkTree::visit(const std::function<void(const std::string&, const Link&)>& f) const {
  struct Frame {
    std::string path;
    Group::const_iterator next;
    Group::const_iterator end;
  };
  std::unordered_set<ObjectId> entered{root_};
  std::vector<Frame> stack;
  const auto root = groups_.find(root_);
  if (root == groups_.end()) return;
  stack.push_back({"", root->second.begin(), root->second.end()});
  while (!stack.empty()) {
    if (stack.back().next == stack.back().end) {
      stack.pop_back();
      continue;
    }
    const Link& link = stack.back().next->second;
    ++stack.back().next;
    std::string path = below(stack.back().path, link.name);
    f(path, link);
    if (link.kind != Link::Kind::kHard) continue;
    const auto group = groups_.find(link.object);
    if (group == groups_.end() || !entered.insert(link.object).second) continue;
    stack.push_back({std::move(path), group->second.begin(), group->second.end()});
  }
}

void LinkTree::remember_soft_targets() {
  std::vector<std::pair<std::string, ObjectId>> found;
  visit([&](const std::string& path, const Link& link) {
    if (link.kind != Link::Kind::kSoft) return;
    found.emplace_back(path, resolve_soft(path, link.target).value_or(0));
  });
  for (const auto& [path, object] : found) {
    group_above(path)->find(last_segment(path))->second.object = object;
  }
}

std::string LinkTree::path_to(ObjectId id) const {
  std::string found;
  visit([&](const std::string& path, const Link& link) {
    if (found.empty() && link.kind == Link::Kind::kHard && link.object == id) found = path;
  });
  return found;
}

void LinkTree::apply(const Operation& operation) {
  const auto take = [&](const std::string& path) {
    Group* group = group_above(path);
    const auto it = group == nullptr ? Group::iterator{} : group->find(last_segment(path));
    if (group == nullptr || it == group->end()) {
      throw Error(Errc::kConflict, cat(shown(path), ": there is nothing"));
    }
    return std::pair(group, it);
  };
  const auto place = [&](const std::string& path, Link link) {
    Group* group = group_above(path);
    if (group == nullptr) {
      throw Error(Errc::kConflict,
                  cat(shown(path), ": ", shown(parent_path(path)), " is no group"));
    }
    link.name = std::string(last_segment(path));
    std::string name = link.name;
    if (!group->emplace(std::move(name), std::move(link)).second) {
      throw Error(Errc::kConflict, cat(shown(path), ": there is something already"));
    }
  };
  switch (operation.kind) {
    case Operation::Kind::kMakeGroup: {
      const ObjectId id = next_made_++;
      place(operation.path, Link{.object = id});
      groups_[id];
      break;
    }
    case Operation::Kind::kCreate:
      place(operation.path, Link{.object = next_made_++});
      break;
    case Operation::Kind::kMove: {
      const auto [group, it] = take(operation.path);
      if (cat(operation.to, "/").starts_with(cat(operation.path, "/"))) {
        throw Error(Errc::kConflict, cat(shown(operation.path), ": cannot move into itself"));
      }
      Link link = it->second;
      group->erase(it);
      place(operation.to, std::move(link));
      break;
    }
    case Operation::Kind::kRemove: {
      const auto [group, it] = take(operation.path);
      group->erase(it);
      break;
    }
    case Operation::Kind::kLink: {
      const auto [group, it] = take(operation.path);
      it->second.kind = Link::Kind::kSoft;
      it->second.target = operation.to;
      break;
    }
    case Operation::Kind::kTexts:
    case Operation::Kind::kCopyAttributes:
      break;
  }
}

}  // namespace ckpt::hdf5
