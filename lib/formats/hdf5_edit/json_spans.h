#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ckpt::hdf5 {

// A JSON text as a tree that knows where in the text each value stands, so that single strings can
// be replaced and all else stays as it was written: spaces, escapes, the digits of numbers.
struct JsonSpan {
  enum class Kind { kObject, kArray, kString, kNumber, kOther };
  Kind kind = Kind::kOther;
  std::size_t begin = 0;
  std::size_t end = 0;          // behind the value
  std::string text;             // of a string, decoded
  std::vector<JsonSpan> items;  // of an array; of an object its values
  std::vector<JsonSpan> keys;   // of an object, strings

  // The value of that key; null where there is none or this is no object.
  [[nodiscard]] const JsonSpan* get(std::string_view key) const;
};

// Throws Error(kCorrupt) where it is no JSON.
JsonSpan parse_json_spans(const std::string& json);

// Strings to be replaced by others, collected and done in one go.
class JsonChanges {
 public:
  void replace(const JsonSpan& string, const std::string& text);
  [[nodiscard]] std::string apply(const std::string& json) const;

 private:
  std::vector<std::pair<std::pair<std::size_t, std::size_t>, std::string>> changes_;
};

}  // namespace ckpt::hdf5
