#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "model/program/substitution.h"
#include "scope/initializer.h"
#include "scope/variable_options.h"

namespace ckpt::program {

// The arguments of a statement, with the names in their strings replaced when they are read. Every
// accessor throws Error(kInvalid), naming the argument, where the value has another type, or is
// missing and nothing stands in for it.
class Fields {
 public:
  // All must outlive the fields.
  Fields(const Datum& object, const Names& names, std::size_t& budget)
      : object_(object), names_(names), budget_(budget) {}

  [[nodiscard]] Place at() const { return object_.at; }
  [[nodiscard]] bool has(std::string_view key) const;

  // As it stands in the file, nothing replaced.
  const Datum* raw(std::string_view key);
  // Empty where it is missing; null counts as a value.
  std::optional<Datum> find(std::string_view key);
  Datum need(std::string_view key);

  std::string text(std::string_view key);
  std::string text(std::string_view key, std::string_view otherwise);
  bool flag(std::string_view key, bool otherwise);
  std::int64_t integer(std::string_view key);
  std::int64_t integer(std::string_view key, std::int64_t otherwise);
  std::int64_t positive(std::string_view key);
  std::int64_t positive(std::string_view key, std::int64_t otherwise);
  double number(std::string_view key, double otherwise);
  std::vector<std::int64_t> integers(std::string_view key);
  // A list of `count` integers, or one that stands for them.
  std::vector<std::int64_t> integers(std::string_view key, std::size_t count,
                                     std::int64_t otherwise);
  // Names: a text, or a list of them; empty where there is none.
  std::vector<std::string> texts(std::string_view key);
  // A shape; "?" in it is unknown, where `may_be_unknown`.
  Shape shape(std::string_view key, bool may_be_unknown = false);
  DType dtype(std::string_view key, DType otherwise);
  Reuse reuse(std::string_view key);
  std::optional<Initializer> initializer(std::string_view key, DType dtype);

  // Throws where the statement has arguments that nobody asked for, with those that there are.
  void finish() const;

 private:
  [[noreturn]] static void refuse(std::string_view key, const Datum& datum,
                                  std::string_view needed);

  const Datum& object_;
  const Names& names_;
  std::size_t& budget_;
  std::set<std::string, std::less<>> asked_;
};

// The initializer of a graph file: a name ("glorot_uniform"), a number, {"truncated_normal":
// {"stddev": 0.02}}, {"value": [[1, 2], [3, 4]]} of `dtype`. Throws Error(kInvalid).
Initializer read_initializer(const Datum& datum, DType dtype);

}  // namespace ckpt::program
