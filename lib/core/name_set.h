#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace ckpt {

// A set of names that someone else holds: one flat array with open addressing. The nodes of a
// std::unordered_set take as long as all else that is done with 100,000 names.
class NameSet {
 public:
  explicit NameSet(std::size_t expected = 0) { grow(2 * expected); }

  // False where it is there already.
  bool insert(std::string_view name) {
    if (name.empty()) return !std::exchange(has_empty_, true);
    if (2 * (size_ + 1) > slots_.size()) grow(2 * slots_.size());
    std::string_view& slot = slots_[slot_of(name)];
    if (!slot.empty()) return false;
    slot = name;
    ++size_;
    return true;
  }

  [[nodiscard]] bool contains(std::string_view name) const {
    return name.empty() ? has_empty_ : !slots_[slot_of(name)].empty();
  }

 private:
  // Where the name is, or the free slot where it belongs.
  [[nodiscard]] std::size_t slot_of(std::string_view name) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = std::hash<std::string_view>()(name) & mask;
    while (!slots_[at].empty() && slots_[at] != name) at = (at + 1) & mask;
    return at;
  }

  void grow(std::size_t least) {
    std::vector<std::string_view> old(std::bit_ceil(std::max<std::size_t>(16, least)));
    old.swap(slots_);
    for (const std::string_view name : old) {
      if (!name.empty()) slots_[slot_of(name)] = name;
    }
  }

  std::vector<std::string_view> slots_;  // a power of two of them, at most half full
  std::size_t size_ = 0;
  bool has_empty_ = false;
};

}  // namespace ckpt
