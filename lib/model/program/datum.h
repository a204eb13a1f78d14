#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ckpt::program {

// Where a value begins in a graph file, both from 1; columns count bytes.
struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};

// A JSON value that knows where it stands, and keeps the order of its members. The place of a
// number, a string or a constant is that of the list or object around it.
struct Datum {
  enum class Kind : std::uint8_t { kNull, kFlag, kInteger, kNumber, kText, kList, kObject };

  Kind kind = Kind::kNull;
  Place at = {};
  bool flag = false;
  std::int64_t integer = 0;
  double number = 0;  // of an integer too
  std::string text = {};
  std::vector<Datum> items = {};
  std::vector<std::pair<std::string, Datum>> members = {};

  // The member of that name; null where there is none.
  [[nodiscard]] const Datum* find(std::string_view key) const;

  static Datum of(std::int64_t integer);
  static Datum of(std::string text);
};

// "an object", "the number 2.5", "'text'": for messages.
std::string words_of(const Datum& datum);

// Throws Error(kInvalid).
[[noreturn]] void refuse(const std::string& sentence);

// Throws Error(kCorrupt), with line and column, where the text is no JSON object, is larger than a
// megabyte, is nested more than 128 levels deep or has a key twice in one object.
Datum parse_data(std::string_view text);

}  // namespace ckpt::program
