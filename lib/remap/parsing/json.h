#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace ckpt {

using Json = nlohmann::ordered_json;

// A JSON document, and on which line (from 1) each element of its arrays of the first level began,
// in their order: those of "rules", of "moves".
struct JsonDocument {
  Json value;
  std::vector<std::size_t> element_lines;
};

// Throws Error(kInvalid) where the text is no JSON, or where an object has a key twice: the
// parser's default is to keep the last in silence.
JsonDocument parse_json(std::string_view text);

// The member `key` of an object, which must be there and be a string.
std::string string_of(const Json& object, const char* key);

// Throws Error(kInvalid) on a key of `object` that is not among `known`, naming the nearest.
void check_keys(const Json& object, const std::vector<std::string>& known);

// Throws Error(kInvalid) unless "schema" of `document` is `schema`.
void check_schema(const Json& document, std::string_view schema);

}  // namespace ckpt
