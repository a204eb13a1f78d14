#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace ckpt {

// The ways of reading JSON that is a file's index. The text must be one value with nothing but
// blanks behind it, without comments, NUL or duplicate keys, and nested at most 128 deep.

inline constexpr std::size_t kMostJsonDepth = 128;

// The largest JSON file that is read whole; a safetensors header has its own limit.
inline constexpr std::uint64_t kMostJsonBytes = std::uint64_t{64} << 20;

// Throws Error(kCorrupt) with `what` ("the header") at the front of the sentence.
nlohmann::json parse_json(std::string_view text, std::string_view what);

// The same, but of the outermost object's member `apart`, which may be most of a large text, the
// members are not kept: `take` gets each with its value, of which it need not look at what is no
// scalar, and says itself what it throws where a key is there twice.
using TakeMember = std::function<void(const std::string& key, const nlohmann::json& value)>;
nlohmann::json parse_json(std::string_view text, std::string_view what, std::string_view apart,
                          const TakeMember& take);

// Gives the events of `text` to `handler`, for a text too large to keep twice. Duplicate keys and
// depth are the handler's to check. Throws as parse_json() does, and what the handler throws.
void parse_json_events(std::string_view text, std::string_view what,
                       nlohmann::json_sax<nlohmann::json>& handler);

// The whole file as text. Throws Error(kUnsupported) where it is larger than kMostJsonBytes.
std::string read_json_text(const RandomFile& file);

// Is the file a JSON object that has `key`, or a JSON array of objects whose first one has it
// (`in_array`)? Looks no further than it must, so that a text damaged behind the key is found too.
bool has_json_key(const RandomFile& file, std::string_view key, bool in_array = false);

// The member `key` of an object; null where there is none.
const nlohmann::json* find_member(const nlohmann::json& object, std::string_view key);

}  // namespace ckpt
