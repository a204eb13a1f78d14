#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckpt::numpy {

// A value written in Python's own notation, of the kinds that a NumPy header can hold. It is read
// as data: nothing is looked up, called or evaluated.
struct Literal {
  enum class Kind : std::uint8_t { kText, kNumber, kTrue, kFalse, kNone, kTuple, kList, kDict };

  Kind kind = Kind::kNone;
  std::string text;
  std::uint64_t number = 0;    // a whole one, not negative
  std::vector<Literal> items;  // of a tuple or list; of a dict key, value, key, value, …

  // The value of a dict under `key`; null where there is none.
  [[nodiscard]] const Literal* find(std::string_view key) const;
};

// "a string", "a tuple", …
std::string_view name_of(Literal::Kind kind);

// Reads `text`, which must hold one value and blanks, nested at most 32 deep, with dict keys that
// are strings and differ. Throws Error(kCorrupt): what was seen at which byte.
Literal parse_literal(std::string_view text);

}  // namespace ckpt::numpy
