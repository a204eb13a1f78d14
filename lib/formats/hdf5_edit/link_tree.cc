#include "formats/hdf5_edit/link_tree.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/limits.h"

namespace ckpt::hdf5 {
namespace {

std::string shown(std::string_view path) { return cat("/", escape(path)); }

}  // namespace

std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view last_segment(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::vector<const TreeLink*> LinkGroup::by_name() const {
  std::vector<const TreeLink*> links;
  links.reserve(size());
  for (const TreeLink& link : links_) links.push_back(&link);
  if (changed_) {
    for (const auto& [name, link] : *changed_) links.push_back(&link);
  }
  return links;
}

const TreeLink* LinkGroup::find(std::string_view name) const {
  if (changed_) {
    const auto it = changed_->find(name);
    return it == changed_->end() ? nullptr : &it->second;
  }
  const auto it = std::ranges::lower_bound(links_, name, {}, &TreeLink::name);
  return it == links_.end() || it->name != name ? nullptr : &*it;
}

TreeLink* LinkGroup::find(std::string_view name) {
  return const_cast<TreeLink*>(std::as_const(*this).find(name));
}

void LinkGroup::prepare_to_change() {
  is_changed_ = true;
  if (changed_ || links_.size() < kMostInArray) return;
  changed_ = std::make_unique<std::map<std::string_view, TreeLink>>();
  for (const TreeLink& link : links_) changed_->emplace_hint(changed_->end(), link.name, link);
  links_ = {};
}

bool LinkGroup::add(const TreeLink& link) {
  prepare_to_change();
  if (changed_) return changed_->emplace(link.name, link).second;
  const auto it = std::ranges::lower_bound(links_, link.name, {}, &TreeLink::name);
  if (it != links_.end() && it->name == link.name) return false;
  links_.insert(it, link);
  return true;
}

TreeLink LinkGroup::take(std::string_view name) {
  prepare_to_change();
  if (changed_) return changed_->extract(name).mapped();
  const auto it = std::ranges::lower_bound(links_, name, {}, &TreeLink::name);
  const TreeLink link = *it;
  links_.erase(it);
  return link;
}

void LinkTree::add_group(ObjectId id, std::span<const Link> links, bool has_attributes) {
  std::vector<TreeLink> kept;
  kept.reserve(links.size());
  for (const Link& link : links) {
    kept.push_back({strings_.add(link.name), strings_.add(link.target), link.object, link.kind});
    has_soft_links_ = has_soft_links_ || link.kind == Link::Kind::kSoft;
  }
  add_group(id, LinkGroup(std::move(kept), has_attributes));
}

void LinkTree::add_group(ObjectId id, LinkGroup group) {
  *group_at_.try_emplace(id).first = static_cast<std::uint32_t>(groups_.size());
  groups_.push_back(std::move(group));
}

const LinkGroup* LinkTree::find_group(std::string_view path) const {
  const LinkGroup* at = group(root_);
  while (!path.empty() && at != nullptr) {
    const auto slash = path.find('/');
    const TreeLink* link = at->find(path.substr(0, slash));
    if (link == nullptr || link->kind != Link::Kind::kHard) return nullptr;
    at = group(link->object);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return at;
}

LinkGroup* LinkTree::group_above(std::string_view path) {
  return const_cast<LinkGroup*>(std::as_const(*this).find_group(parent_path(path)));
}

const TreeLink* LinkTree::find(std::string_view path) const {
  const LinkGroup* above = find_group(parent_path(path));
  return above == nullptr ? nullptr : above->find(last_segment(path));
}

std::optional<ObjectId> LinkTree::resolve_soft(std::string_view path,
                                               std::string_view target) const {
  std::string rest(target);
  ObjectId at = root_;
  if (!target.starts_with('/') && !parent_path(path).empty()) {
    const TreeLink* above = find(parent_path(path));
    if (above == nullptr) return std::nullopt;
    at = above->object;
  }
  for (std::size_t hops = 0; !rest.empty();) {
    const auto slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    rest.erase(0, slash == std::string::npos ? rest.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    const LinkGroup* links = group(at);
    const TreeLink* link = links == nullptr ? nullptr : links->find(name);
    if (link == nullptr) return std::nullopt;
    if (link->kind == Link::Kind::kHard) {
      at = link->object;
    } else if (link->kind == Link::Kind::kSoft && ++hops <= kMaxSoftLinkHops &&
               rest.size() + link->target.size() < kMaxPathBytes) {
      rest = cat(link->target, "/", rest);
      if (rest.starts_with('/')) at = root_;
    } else {
      return std::nullopt;
    }
  }
  return at;
}

void LinkTree::visit(const Visit& f) const {
  struct Frame {
    std::size_t path_size;
    std::vector<const TreeLink*> links;
    std::size_t next = 0;
  };
  IdMap<char> entered;  // as a set
  std::vector<Frame> stack;
  std::string path;
  const auto enter = [&](const LinkGroup* group) {
    if (group != nullptr) stack.push_back({path.size(), group->by_name()});
  };
  entered.try_emplace(root_);
  enter(group(root_));
  while (!stack.empty()) {
    Frame& frame = stack.back();
    path.resize(frame.path_size);
    if (frame.next == frame.links.size()) {
      stack.pop_back();
      continue;
    }
    const TreeLink& link = *frame.links[frame.next++];
    if (!path.empty()) path += '/';
    path += link.name;
    const LinkGroup* below = link.kind == Link::Kind::kHard ? group(link.object) : nullptr;
    if (below != nullptr && !entered.try_emplace(link.object).second) below = nullptr;
    f(path, link, below);
    enter(below);
  }
}

void LinkTree::remember_soft_targets() {
  if (!has_soft_links_) return;
  std::vector<std::pair<std::string, ObjectId>> found;
  visit([&](const std::string& path, const TreeLink& link, const LinkGroup*) {
    if (link.kind != Link::Kind::kSoft) return;
    found.emplace_back(path, resolve_soft(path, link.target).value_or(0));
  });
  for (const auto& [path, object] : found) {
    group_above(path)->find(last_segment(path))->object = object;
  }
}

std::string LinkTree::path_to(ObjectId id) const {
  std::string found;
  visit([&](const std::string& path, const TreeLink& link, const LinkGroup*) {
    if (found.empty() && link.kind == Link::Kind::kHard && link.object == id) found = path;
  });
  return found;
}

void LinkTree::apply(const Operation& operation) {
  const auto group_with = [&](std::string_view path) -> LinkGroup& {
    LinkGroup* above = group_above(path);
    if (above == nullptr || above->find(last_segment(path)) == nullptr) {
      throw Error(Errc::kConflict, cat(shown(path), ": there is nothing"));
    }
    return *above;
  };
  const auto place = [&](std::string_view path, TreeLink link) {
    LinkGroup* above = group_above(path);
    if (above == nullptr) {
      throw Error(Errc::kConflict,
                  cat(shown(path), ": ", shown(parent_path(path)), " is no group"));
    }
    link.name = strings_.add(last_segment(path));
    if (!above->add(link)) {
      throw Error(Errc::kConflict, cat(shown(path), ": there is something already"));
    }
  };
  switch (operation.kind) {
    case Operation::Kind::kMakeGroup: {
      const ObjectId id = next_made_++;
      place(operation.path, {.object = id});
      add_group(id, LinkGroup());
      break;
    }
    case Operation::Kind::kCreate:
      place(operation.path, {.object = next_made_++});
      break;
    case Operation::Kind::kMove: {
      LinkGroup& above = group_with(operation.path);
      if (cat(operation.to, "/").starts_with(cat(operation.path, "/"))) {
        throw Error(Errc::kConflict, cat(shown(operation.path), ": cannot move into itself"));
      }
      place(operation.to, above.take(last_segment(operation.path)));
      break;
    }
    case Operation::Kind::kRemove:
      group_with(operation.path).take(last_segment(operation.path));
      break;
    case Operation::Kind::kLink: {
      LinkGroup& above = group_with(operation.path);
      TreeLink link = above.take(last_segment(operation.path));
      link.kind = Link::Kind::kSoft;
      link.target = strings_.add(operation.to);
      above.add(link);
      break;
    }
    case Operation::Kind::kTexts:
    case Operation::Kind::kCopyAttributes:
      break;
  }
}

}  // namespace ckpt::hdf5
