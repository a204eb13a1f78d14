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

std::vector<const Link*> LinkGroup::by_name() const {
  std::vector<const Link*> links;
  links.reserve(size());
  for (const Link& link : links_) links.push_back(&link);
  if (changed_) {
    for (const auto& [name, link] : *changed_) links.push_back(&link);
  }
  return links;
}

const Link* LinkGroup::find(std::string_view name) const {
  if (changed_) {
    const auto it = changed_->find(name);
    return it == changed_->end() ? nullptr : &it->second;
  }
  const auto it = std::ranges::lower_bound(links_, name, {}, &Link::name);
  return it == links_.end() || it->name != name ? nullptr : &*it;
}

Link* LinkGroup::find(std::string_view name) {
  return const_cast<Link*>(std::as_const(*this).find(name));
}

std::map<std::string, Link, std::less<>>& LinkGroup::change() {
  if (!changed_) {
    changed_ = std::make_unique<std::map<std::string, Link, std::less<>>>();
    for (Link& link : links_) {
      std::string name = link.name;
      changed_->emplace_hint(changed_->end(), std::move(name), std::move(link));
    }
    links_ = {};
  }
  return *changed_;
}

bool LinkGroup::add(Link link) {
  std::string name = link.name;
  return change().emplace(std::move(name), std::move(link)).second;
}

Link LinkGroup::take(std::string_view name) {
  auto& links = change();
  return std::move(links.extract(links.find(name)).mapped());
}

void LinkTree::add_group(ObjectId id, LinkGroup group) {
  for (const Link* link : group.by_name()) {
    has_soft_links_ = has_soft_links_ || link->kind == Link::Kind::kSoft;
  }
  *group_at_.try_emplace(id).first = static_cast<std::uint32_t>(groups_.size());
  groups_.push_back(std::move(group));
}

const LinkGroup* LinkTree::find_group(std::string_view path) const {
  const LinkGroup* at = group(root_);
  while (!path.empty() && at != nullptr) {
    const auto slash = path.find('/');
    const Link* link = at->find(path.substr(0, slash));
    if (link == nullptr || link->kind != Link::Kind::kHard) return nullptr;
    at = group(link->object);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return at;
}

LinkGroup* LinkTree::group_above(std::string_view path) {
  return const_cast<LinkGroup*>(std::as_const(*this).find_group(parent_path(path)));
}

const Link* LinkTree::find(std::string_view path) const {
  const LinkGroup* above = find_group(parent_path(path));
  return above == nullptr ? nullptr : above->find(last_segment(path));
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
    const LinkGroup* links = group(at);
    const Link* link = links == nullptr ? nullptr : links->find(name);
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
    std::vector<const Link*> links;
    std::size_t next = 0;
  };
  IdMap<bool> entered;
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
    const Link& link = *frame.links[frame.next++];
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
  visit([&](const std::string& path, const Link& link, const LinkGroup*) {
    if (link.kind != Link::Kind::kSoft) return;
    found.emplace_back(path, resolve_soft(path, link.target).value_or(0));
  });
  for (const auto& [path, object] : found) {
    group_above(path)->find(last_segment(path))->object = object;
  }
}

std::string LinkTree::path_to(ObjectId id) const {
  std::string found;
  visit([&](const std::string& path, const Link& link, const LinkGroup*) {
    if (found.empty() && link.kind == Link::Kind::kHard && link.object == id) found = path;
  });
  return found;
}

void LinkTree::apply(const Operation& operation) {
  const auto group_with = [&](const std::string& path) -> LinkGroup& {
    LinkGroup* above = group_above(path);
    if (above == nullptr || above->find(last_segment(path)) == nullptr) {
      throw Error(Errc::kConflict, cat(shown(path), ": there is nothing"));
    }
    return *above;
  };
  const auto place = [&](const std::string& path, Link link) {
    LinkGroup* above = group_above(path);
    if (above == nullptr) {
      throw Error(Errc::kConflict,
                  cat(shown(path), ": ", shown(parent_path(path)), " is no group"));
    }
    link.name = std::string(last_segment(path));
    if (!above->add(std::move(link))) {
      throw Error(Errc::kConflict, cat(shown(path), ": there is something already"));
    }
  };
  switch (operation.kind) {
    case Operation::Kind::kMakeGroup: {
      const ObjectId id = next_made_++;
      place(operation.path, Link{.object = id});
      add_group(id, {});
      break;
    }
    case Operation::Kind::kCreate:
      place(operation.path, Link{.object = next_made_++});
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
      Link& link = *group_with(operation.path).find(last_segment(operation.path));
      link.kind = Link::Kind::kSoft;
      link.target = operation.to;
      break;
    }
    case Operation::Kind::kTexts:
    case Operation::Kind::kCopyAttributes:
      break;
  }
}

}  // namespace ckpt::hdf5
