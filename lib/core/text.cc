#include "core/text.h"

#include <cstdint>

namespace ckpt {

std::string cat_pieces(std::initializer_list<std::string_view> pieces) {
  std::size_t size = 0;
  for (const auto piece : pieces) size += piece.size();
  std::string out;
  out.reserve(size);
  for (const auto piece : pieces) out += piece;
  return out;
}

std::string hex_of(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    const auto value = static_cast<unsigned>(byte);
    text += {kDigits[value >> 4U], kDigits[value & 15U]};
  }
  return text;
}

std::string join(const std::vector<std::string>& items, std::string_view separator) {
  std::string out;
  for (const auto& item : items) {
    if (&item != items.data()) out += separator;
    out += item;
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const auto at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + separator.size());
  }
}

void append_with_commas(std::string& out, std::uint64_t number) {
  const Piece piece(number);
  std::string_view digits = piece.text();
  std::size_t group = (digits.size() - 1) % 3 + 1;
  while (true) {
    out += digits.substr(0, group);
    digits.remove_prefix(group);
    if (digits.empty()) return;
    out += ',';
    group = 3;
  }
}

std::string with_commas(std::uint64_t number) {
  std::string out;
  append_with_commas(out, number);
  return out;
}

std::string count_of(std::uint64_t number, std::string_view noun) {
  return cat(with_commas(number), " ", noun, number == 1 ? "" : "s");
}

namespace {

// Matches the set that starts behind '[' at pattern[p]; sets `p` behind its ']'. Without a closing
// bracket the '[' is an ordinary character.
bool match_set(std::string_view pattern, std::size_t& p, char c) {
  std::size_t i = p;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  bool first = true;
  for (; i < pattern.size() && (first || pattern[i] != ']'); ++i, first = false) {
    const char low = pattern[i];
    char high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = pattern[i + 2];
      i += 2;
    }
    if (low <= c && c <= high) found = true;
  }
  if (i >= pattern.size()) return c == '[';
  p = i + 1;
  return found != negated;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, char separator) {
  // Greedy matching with one point of return for the last star and one for the last double star:
  // linear in practice, never exponential.
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star_p = kNone, star_t = 0, deep_p = kNone, deep_t = 0;
  while (t < text.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      const bool deep = p + 1 < pattern.size() && pattern[p + 1] == '*';
      p += deep ? 2 : 1;
      (deep ? deep_p : star_p) = p;
      (deep ? deep_t : star_t) = t;
      if (deep) star_p = kNone;
      continue;
    }
    if (p < pattern.size() && t < text.size()) {
      std::size_t next = p + 1;
      const bool in_segment = separator == 0 || text[t] != separator;
      bool matches = pattern[p] == text[t];
      if (pattern[p] == '?') {
        matches = in_segment;
      } else if (pattern[p] == '[') {
        matches = match_set(pattern, next, text[t]) && (in_segment || next == p + 1);
      }
      if (matches) {
        p = next;
        ++t;
        continue;
      }
    }
    if (star_p != kNone && star_t < text.size() && (separator == 0 || text[star_t] != separator)) {
      t = ++star_t;
      p = star_p;
    } else if (deep_p != kNone && deep_t < text.size()) {
      t = ++deep_t;
      p = deep_p;
      star_p = kNone;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace ckpt
