#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace ckpt {

// Finds the rows of a table by a name that each has. It holds the rows' numbers alone, in one flat
// array with open addressing, and asks for a row's name by `name_of(number)`: four to eight times
// smaller than a std::unordered_map of views.
class NameIndex {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  explicit NameIndex(std::size_t expected = 0)
      : slots_(std::bit_ceil(std::max<std::size_t>(16, 2 * expected)), kNone) {}

  // The row that is called `name`; kNone where there is none.
  template <typename NameOf>
  [[nodiscard]] std::uint32_t find(std::string_view name, const NameOf& name_of) const {
    return slots_[slot_of(name, name_of)];
  }

  // Adds row `number`, whose name `name_of` knows. Where there is one of that name it stays, and is
  // returned; else `number` is. REQUIRES: number is not kNone.
  template <typename NameOf>
  std::uint32_t add(std::uint32_t number, const NameOf& name_of) {
    if (2 * (size_ + 1) > slots_.size()) grow(name_of);
    std::uint32_t& slot = slots_[slot_of(name_of(number), name_of)];
    if (slot == kNone) {
      slot = number;
      ++size_;
    }
    return slot;
  }

 private:
  // Where the name is, or the free slot where it belongs.
  template <typename NameOf>
  [[nodiscard]] std::size_t slot_of(std::string_view name, const NameOf& name_of) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = std::hash<std::string_view>()(name) & mask;
    while (slots_[at] != kNone && name_of(slots_[at]) != name) at = (at + 1) & mask;
    return at;
  }

  template <typename NameOf>
  void grow(const NameOf& name_of) {
    std::vector<std::uint32_t> old(2 * slots_.size(), kNone);
    old.swap(slots_);
    for (const std::uint32_t number : old) {
      if (number != kNone) slots_[slot_of(name_of(number), name_of)] = number;
    }
  }

  std::vector<std::uint32_t> slots_;  // a power of two of them, at most half full
  std::size_t size_ = 0;
};

}  // namespace ckpt
