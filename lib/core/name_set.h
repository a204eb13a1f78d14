#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/name_index.h"

namespace ckpt {

// A set of names that someone else holds. The nodes of a std::unordered_set take as long as all
// else that is done with 100,000 names.
class NameSet {
 public:
  explicit NameSet(std::size_t expected = 0) : index_(expected) { names_.reserve(expected); }

  // False where it is there already.
  bool insert(std::string_view name) {
    const auto number = static_cast<std::uint32_t>(names_.size());
    names_.push_back(name);
    const bool is_new = index_.add(number, name_of()) == number;
    if (!is_new) names_.pop_back();
    return is_new;
  }

  [[nodiscard]] bool contains(std::string_view name) const {
    return index_.find(name, name_of()) != NameIndex::kNone;
  }

 private:
  struct NameOf {
    const std::vector<std::string_view>& names;
    std::string_view operator()(std::uint32_t number) const { return names[number]; }
  };
  [[nodiscard]] NameOf name_of() const { return {names_}; }

  std::vector<std::string_view> names_;
  NameIndex index_;  // of names_
};

}  // namespace ckpt
