#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ckpt {

// The value of an operation's attribute.
using Attribute = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                               std::vector<double>>;

// What an operation is told beside its inputs: "strides", "padding", "epsilon". Sorted by name, so
// that printing a graph always gives the same text.
class Attributes {
 public:
  void set(std::string name, Attribute value);

  [[nodiscard]] bool has(std::string_view name) const;

  // The attribute, or what stands in for a missing one. An integer is also a number.
  // Throws Error(kInvalid), naming the attribute, where it has another type.
  [[nodiscard]] bool flag(std::string_view name, bool otherwise = false) const;
  [[nodiscard]] double number(std::string_view name, double otherwise = 0) const;
  [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise = "") const;

  // The same, and a missing one throws too.
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  [[nodiscard]] const std::vector<std::int64_t>& integers(std::string_view name) const;
  [[nodiscard]] const std::vector<double>& numbers(std::string_view name) const;

  [[nodiscard]] const std::map<std::string, Attribute, std::less<>>& all() const { return values_; }

  friend bool operator==(const Attributes&, const Attributes&) = default;

 private:
  template <typename T>
  [[nodiscard]] const T* get(std::string_view name) const;

  std::map<std::string, Attribute, std::less<>> values_;
};

}  // namespace ckpt
