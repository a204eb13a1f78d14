#pragma once

#include <map>
#include <string>
#include <string_view>

#include "model/program/datum.h"

namespace ckpt::program {

// What names in braces stand for: a function's arguments, the numbers of repeats, the parameters of
// the file. Inner ones hide outer ones.
class Names {
 public:
  explicit Names(const Names* around = nullptr) : around_(around) {}

  void set(const std::string& name, Datum datum) { data_.insert_or_assign(name, std::move(datum)); }
  [[nodiscard]] const Datum* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all() const;

 private:
  const Names* around_;
  std::map<std::string, Datum, std::less<>> data_;
};

// The datum with every "{…}" in its strings replaced. In braces stand whole numbers, names,
// + - * / % and parentheses. A string that is nothing but braces becomes what they stand for,
// whatever its kind: "{units}" is a number where `units` is one. Data that are copied are counted
// down from `budget`.
// Throws Error(kInvalid) for a name that stands for nothing, with the nearest, for arithmetic of
// anything but whole numbers, a division by zero or with a rest, and where the budget is used up.
Datum substitute(const Datum& datum, const Names& names, std::size_t& budget);

// The names' own budget: how long a text may get.
inline constexpr std::size_t kMaxName = 1024;

}  // namespace ckpt::program
