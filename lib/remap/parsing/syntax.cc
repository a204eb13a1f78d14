#include "remap/parsing/syntax.h"

#include <algorithm>

#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::string_view kEscapable = "={}?+|-:\\ ";

// Code points of UTF-8 text, which is what a terminal has columns for.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

Part scan_all(std::string_view text, std::size_t begin, bool has_groups) {
  Part part{{}, text.size()};
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] != '\\') {
      part.chars.push_back({text[i], false, false, i});
      continue;
    }
    if (i + 1 == text.size()) throw SyntaxError{i, "a backslash at the end; write \\\\ for one"};
    const bool is_group = has_groups && text[i + 1] >= '0' && text[i + 1] <= '9';
    if (!is_group && kEscapable.find(text[i + 1]) == std::string_view::npos) {
      throw SyntaxError{i,
                        "a backslash stands before one of = { } ? + | - : \\ or a space; "
                        "write \\\\ for a backslash in a name"};
    }
    part.chars.push_back({text[i + 1], true, is_group, i});
    ++i;
  }
  return part;
}

}  // namespace

std::string display(std::string_view text) {
  // Backslashes are part of the language, so escape(), which doubles them, will not do.
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find('\\', i), text.size());
    out += escape(text.substr(i, end - i));
    if (end < text.size()) out += '\\';
    i = end + 1;
  }
  return out;
}

Error to_error(const SyntaxError& error, std::string_view text) {
  const std::size_t column = width(display(text.substr(0, error.at)));
  return Error(Errc::kInvalid, cat("column ", column + 1, ": ", error.what, "\n  ", display(text),
                                   "\n  ", std::string(column, ' '), "^"));
}

Part scan(std::string_view text, std::size_t begin) { return scan_all(text, begin, false); }
Part scan_groups(std::string_view text, std::size_t begin) { return scan_all(text, begin, true); }

Part trimmed(Part part) {
  while (!part.chars.empty() && part.chars.back().is(' ')) {
    part.end = part.chars.back().at;
    part.chars.pop_back();
  }
  const auto first = std::ranges::find_if(part.chars, [](const Char& c) { return !c.is(' '); });
  part.chars.erase(part.chars.begin(), first);
  return part;
}

std::string to_text(const Part& part) {
  std::string out;
  for (const Char& c : part.chars) out += c.byte;
  return out;
}

std::vector<Part> divide(const Part& part, char divider, bool strict) {
  std::vector<Part> parts;
  Part current{{}, part.end};
  const Chars& chars = part.chars;
  for (std::size_t i = 0; i < chars.size(); ++i) {
    if (chars[i].is(divider)) {
      const bool before = i == 0 || chars[i - 1].is(' ');
      const bool after = i + 1 == chars.size() || chars[i + 1].is(' ');
      if (before && after) {
        current.end = chars[i].at;
        parts.push_back(std::move(current));
        current = Part{{}, part.end};
        continue;
      }
      if (strict || before || after) {
        throw SyntaxError{chars[i].at, cat("a '", divider,
                                           "' that divides needs a space on both "
                                           "sides; write \\",
                                           divider, " for one in a name")};
      }
    }
    current.chars.push_back(chars[i]);
  }
  parts.push_back(std::move(current));
  return parts;
}

}  // namespace ckpt
