#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ckpt {

// The number of single-character insertions, deletions and replacements that turn `a` into `b`
// (Levenshtein's distance); `limit + 1` where it is more than `limit`.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

// Those of `names` that someone who typed `typed` may have meant, best first, at most `most`:
// names within a third of its length in edits, then names that end in or contain what was typed.
std::vector<std::string> nearest(std::string_view typed, std::span<const std::string> names,
                                 std::size_t most = 3);

// "; did you mean 'a', 'b'?" or nothing where `names` is empty: the tail of a message.
std::string did_you_mean(std::span<const std::string> names);

}  // namespace ckpt
