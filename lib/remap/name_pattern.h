#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ckpt {

// What a placeholder may stand for.
enum class PlaceholderType : std::uint8_t {
  kSegment,  // {x}: one character or more of one segment
  kInt,      // {x:int}: one decimal digit or more
  kPath,     // {x:path}: one character or more, separators included
};

// A placeholder of a rule. "_" binds nothing: each of its occurrences stands for itself. The rest
// of a name behind a scope is a placeholder without a name.
struct Placeholder {
  std::string name;
  PlaceholderType type = PlaceholderType::kSegment;

  friend bool operator==(const Placeholder&, const Placeholder&) = default;
};

// Literal text, or a placeholder: the one at `slot` in its rule's list.
struct PatternPiece {
  std::string literal;
  int slot = -1;

  friend bool operator==(const PatternPiece&, const PatternPiece&) = default;
};

// One side of a rule, or a member of it: names in which placeholders stand for parts. Two pieces of
// literal text never stand beside each other, nor do two placeholders.
struct NamePattern {
  std::vector<PatternPiece> pieces;

  friend bool operator==(const NamePattern&, const NamePattern&) = default;
};

// What each placeholder of a rule stands for in a name: views into that name. Empty where unbound.
using Bindings = std::vector<std::string_view>;

// The literal text that each name of the pattern begins with; all of it where it has no
// placeholder.
std::string_view literal_prefix(const NamePattern& pattern);
std::string_view literal_suffix(const NamePattern& pattern);
bool is_exact(const NamePattern& pattern);
bool has_slot(const NamePattern& pattern, int slot);

// Does the pattern, as a whole, match `name`? Earlier placeholders take as much as they can; one
// that occurs twice stands for the same text each time. `bindings` are filled where it does.
// Throws Error(kUnsupported) where a pattern that repeats a placeholder takes more than a million
// steps, which takes a pattern made for it.
bool match(const NamePattern& pattern, std::span<const Placeholder> placeholders,
           std::string_view name, char separator, Bindings& bindings);

// The pattern with its placeholders replaced by what they stand for.
std::string expand(const NamePattern& pattern, std::span<const std::string_view> bindings);

// Does `wide` match every name that `narrow` matches? True only where that is certain.
bool covers(const NamePattern& wide, std::span<const Placeholder> wide_placeholders,
            const NamePattern& narrow, std::span<const Placeholder> narrow_placeholders,
            char separator);

}  // namespace ckpt
