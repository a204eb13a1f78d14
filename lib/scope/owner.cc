#include "scope/owner.h"

#include <algorithm>
#include <unordered_map>

namespace ckpt {
namespace {

constexpr std::size_t kAmbiguous = static_cast<std::size_t>(-1);

std::string flattened(std::string_view name, char separator) {
  std::string out(name);
  std::ranges::replace(out, separator, '_');
  return out;
}

// Finds owners by name. Only plain variables own anything.
class Finder {
 public:
  Finder(std::span<const Leaf> leaves, std::span<const Role> roles, char separator)
      : leaves_(leaves), separator_(separator) {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (roles[i] != Role::kVariable) continue;
      by_name_.emplace(leaves[i].name, i);
      const auto [it, is_new] = by_flat_name_.emplace(flattened(leaves[i].name, separator), i);
      if (!is_new) it->second = kAmbiguous;
    }
  }

  [[nodiscard]] std::optional<Owner> find(std::size_t i) const {
    if (auto owner = by_suffix(i)) return owner;
    if (auto owner = by_segments(i)) return owner;
    return by_flat_segment(i);
  }

 private:
  [[nodiscard]] Owner owner_at(std::size_t i, std::size_t leaf, std::size_t at,
                               std::size_t length) const {
    return {leaf, at, length, false, *leaves_[i].shape == *leaves_[leaf].shape};
  }

  // "[scopes/]OWNER/suffix[/suffix]": takes suffixes off, then leading scopes.
  [[nodiscard]] std::optional<Owner> by_suffix(std::size_t i) const {
    std::string_view stem = owner_of(leaves_[i].name, separator_);
    for (; !stem.empty(); stem = owner_of(stem, separator_)) {
      for (std::size_t at = 0; at < stem.size();) {
        const auto it = by_name_.find(stem.substr(at));
        if (it != by_name_.end()) {
          const Owner owner = owner_at(i, it->second, at, stem.size() - at);
          if (owner.same_shape || leaves_[i].shape->empty()) return owner;
        }
        const auto next = stem.find(separator_, at);
        if (next == std::string_view::npos) break;
        at = next + 1;
      }
    }
    return std::nullopt;
  }

  // The longest run of whole segments that is a variable's name, but not all of the name.
  [[nodiscard]] std::optional<Owner> by_segments(std::size_t i) const {
    const std::string_view name = leaves_[i].name;
    std::optional<Owner> best;
    for (std::size_t at = 0; at < name.size();) {
      for (std::size_t end = name.size();; end = name.rfind(separator_, end - 1)) {
        if (end == std::string_view::npos || end <= at) break;
        if (best && end - at <= best->length) break;
        const auto it = by_name_.find(name.substr(at, end - at));
        if (it != by_name_.end()) best = owner_at(i, it->second, at, end - at);
      }
      const auto next = name.find(separator_, at);
      if (next == std::string_view::npos) break;
      at = next + 1;
    }
    return best;
  }

  // A last segment that is a variable's flattened name, '_', and what the slot is called.
  [[nodiscard]] std::optional<Owner> by_flat_segment(std::size_t i) const {
    const std::string_view name = leaves_[i].name;
    const std::size_t at = name.rfind(separator_) + 1;
    const std::string_view segment = name.substr(at);
    for (auto end = segment.rfind('_'); end != std::string_view::npos && end > 0;
         end = segment.rfind('_', end - 1)) {
      const auto it = by_flat_name_.find(std::string(segment.substr(0, end)));
      if (it == by_flat_name_.end()) continue;
      if (it->second == kAmbiguous) return std::nullopt;
      Owner owner = owner_at(i, it->second, at, end);
      owner.is_flattened = true;
      return owner;
    }
    return std::nullopt;
  }

  std::span<const Leaf> leaves_;
  char separator_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::unordered_map<std::string, std::size_t> by_flat_name_;
};

}  // namespace

std::vector<std::optional<Owner>> owners_of(std::span<const Leaf> leaves,
                                            std::span<const Role> roles, char separator) {
  std::vector<std::optional<Owner>> owners(leaves.size());
  const auto is_companion = [](Role role) { return role == Role::kSlot || role == Role::kAverage; };
  if (std::ranges::none_of(roles, is_companion)) return owners;
  const Finder finder(leaves, roles, separator);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (is_companion(roles[i])) owners[i] = finder.find(i);
  }
  return owners;
}

std::string follow(std::string_view companion, const Owner& owner, std::string_view owner_name,
                   char separator) {
  std::string out(companion.substr(0, owner.at));
  out += owner.is_flattened ? flattened(owner_name, separator) : std::string(owner_name);
  out += companion.substr(owner.at + owner.length);
  return out;
}

}  // namespace ckpt
