#include "remap/name_pattern.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

// A character of what is matched: a byte of a name or, where two patterns are compared, a
// placeholder of the other pattern, which stands for any text of its type.
class Symbol {
 public:
  explicit Symbol(char byte) : value_(static_cast<unsigned char>(byte)) {}
  Symbol(PlaceholderType type, int slot)
      : value_(256 + 3 * static_cast<std::uint32_t>(slot) + static_cast<std::uint32_t>(type)) {}

  [[nodiscard]] bool is_byte(char byte) const { return value_ == static_cast<unsigned char>(byte); }
  // May it be part of what a placeholder of that type stands for?
  [[nodiscard]] bool fits(PlaceholderType type, char separator) const {
    if (value_ >= 256) {
      const auto own = static_cast<PlaceholderType>((value_ - 256) % 3);
      return type == PlaceholderType::kPath || own == type ||
             (type == PlaceholderType::kSegment && own == PlaceholderType::kInt);
    }
    if (type == PlaceholderType::kInt) return value_ >= '0' && value_ <= '9';
    return type == PlaceholderType::kPath || !is_byte(separator);
  }
  friend bool operator==(const Symbol&, const Symbol&) = default;

 private:
  std::uint32_t value_;
};

// The same questions of a plain name.
bool is_byte(char c, char byte) { return c == byte; }
bool is_byte(const Symbol& symbol, char byte) { return symbol.is_byte(byte); }
bool fits(char c, PlaceholderType type, char separator) {
  if (type == PlaceholderType::kInt) return c >= '0' && c <= '9';
  return type == PlaceholderType::kPath || c != separator;
}
bool fits(const Symbol& symbol, PlaceholderType type, char separator) {
  return symbol.fits(type, separator);
}

constexpr std::size_t kMostSteps = 1'000'000;

// Backtracking, with one memory: a (piece, position) that failed once fails always, unless a
// placeholder occurs twice. So time is at most pieces × length², but for such patterns, which have
// a ceiling instead.
template <typename Char>
class Matcher {
 public:
  struct Run {
    std::size_t begin = 0;
    std::size_t end = 0;  // begin == end: unbound
  };

  Matcher(const NamePattern& pattern, std::span<const Placeholder> placeholders,
          std::span<const Char> text, char separator)
      : pieces_(pattern.pieces),
        placeholders_(placeholders),
        text_(text),
        separator_(separator),
        runs_(placeholders.size()) {
    std::vector<int> seen;
    for (const PatternPiece& piece : pieces_) {
      if (piece.slot < 0) continue;
      if (std::ranges::find(seen, piece.slot) != seen.end()) repeats_ = true;
      seen.push_back(piece.slot);
    }
  }

  bool run() { return match_from(0, 0); }
  [[nodiscard]] const std::vector<Run>& runs() const { return runs_; }

 private:
  [[nodiscard]] bool literal_at(const std::string& literal, std::size_t at) const {
    if (text_.size() - at < literal.size()) return false;
    for (std::size_t i = 0; i < literal.size(); ++i) {
      if (!is_byte(text_[at + i], literal[i])) return false;
    }
    return true;
  }

  bool match_from(std::size_t piece, std::size_t at) {
    if (piece == pieces_.size()) return at == text_.size();
    if (pieces_[piece].slot < 0) {
      const std::string& literal = pieces_[piece].literal;
      return literal_at(literal, at) && match_from(piece + 1, at + literal.size());
    }
    if (has_failed(piece, at)) return false;
    if (++steps_ > kMostSteps && repeats_) throw Error(Errc::kUnsupported, "too many steps");
    if (match_placeholder(piece, at)) return true;
    remember_failure(piece, at);
    return false;
  }

  bool match_placeholder(std::size_t piece, std::size_t at) {
    const auto slot = static_cast<std::size_t>(pieces_[piece].slot);
    Run& run = runs_[slot];
    if (run.begin != run.end) {  // bound before: the same text again
      const std::size_t length = run.end - run.begin;
      return text_.size() - at >= length &&
             std::equal(text_.begin() + static_cast<std::ptrdiff_t>(run.begin),
                        text_.begin() + static_cast<std::ptrdiff_t>(run.end),
                        text_.begin() + static_cast<std::ptrdiff_t>(at)) &&
             match_from(piece + 1, at + length);
    }
    std::size_t end = at;
    const PlaceholderType type = placeholders_[slot].type;
    while (end < text_.size() && fits(text_[end], type, separator_)) ++end;
    const bool is_last = piece + 1 == pieces_.size();
    if (is_last && end != text_.size()) return false;
    for (; end > at; --end) {
      run = {at, end};
      if (match_from(piece + 1, end)) return true;
      if (is_last) break;
    }
    run = {};
    return false;
  }

  [[nodiscard]] bool has_failed(std::size_t piece, std::size_t at) const {
    return !failed_.empty() && failed_[piece * (text_.size() + 1) + at];
  }
  void remember_failure(std::size_t piece, std::size_t at) {
    constexpr std::size_t kWorthIt = 200;  // most names are decided in a few steps
    if (repeats_ || steps_ < kWorthIt) return;
    if (failed_.empty()) failed_.resize(pieces_.size() * (text_.size() + 1));
    failed_[piece * (text_.size() + 1) + at] = true;
  }

  std::span<const PatternPiece> pieces_;
  std::span<const Placeholder> placeholders_;
  std::span<const Char> text_;
  char separator_;
  bool repeats_ = false;
  std::size_t steps_ = 0;
  std::vector<Run> runs_;
  std::vector<bool> failed_;
};

}  // namespace

std::string_view literal_prefix(const NamePattern& pattern) {
  return pattern.pieces.empty() ? std::string_view{} : pattern.pieces.front().literal;
}

std::string_view literal_suffix(const NamePattern& pattern) {
  return pattern.pieces.empty() ? std::string_view{} : pattern.pieces.back().literal;
}

bool is_exact(const NamePattern& pattern) {
  return std::ranges::none_of(pattern.pieces, [](const auto& piece) { return piece.slot >= 0; });
}

bool has_slot(const NamePattern& pattern, int slot) {
  return std::ranges::find(pattern.pieces, slot, &PatternPiece::slot) != pattern.pieces.end();
}

bool match(const NamePattern& pattern, std::span<const Placeholder> placeholders,
           std::string_view name, char separator, Bindings& bindings) {
  if (!name.starts_with(literal_prefix(pattern)) || !name.ends_with(literal_suffix(pattern))) {
    return false;
  }
  bindings.assign(placeholders.size(), {});
  const auto& pieces = pattern.pieces;
  if (pieces.size() == 2 && pieces[0].slot < 0 &&
      placeholders[static_cast<std::size_t>(pieces[1].slot)].type == PlaceholderType::kPath) {
    // A scope and its rest, by far the most frequent form.
    const std::string_view rest = name.substr(pieces[0].literal.size());
    bindings[static_cast<std::size_t>(pieces[1].slot)] = rest;
    return !rest.empty();
  }
  Matcher<char> matcher(pattern, placeholders, std::span(name.data(), name.size()), separator);
  try {
    if (!matcher.run()) return false;
  } catch (const Error& e) {
    throw e.in(cat("matching '", escape(name), "'"));
  }
  for (std::size_t slot = 0; slot < placeholders.size(); ++slot) {
    const auto run = matcher.runs()[slot];
    bindings[slot] = name.substr(run.begin, run.end - run.begin);
  }
  return true;
}

std::string expand(const NamePattern& pattern, std::span<const std::string_view> bindings) {
  std::size_t size = 0;
  for (const PatternPiece& piece : pattern.pieces) {
    size += piece.slot < 0 ? piece.literal.size()
                           : bindings[static_cast<std::size_t>(piece.slot)].size();
  }
  std::string out;
  out.reserve(size);
  for (const PatternPiece& piece : pattern.pieces) {
    if (piece.slot < 0) {
      out += piece.literal;
    } else {
      out += bindings[static_cast<std::size_t>(piece.slot)];
    }
  }
  return out;
}

bool covers(const NamePattern& wide, std::span<const Placeholder> wide_placeholders,
            const NamePattern& narrow, std::span<const Placeholder> narrow_placeholders,
            char separator) {
  std::vector<Symbol> text;
  for (const PatternPiece& piece : narrow.pieces) {
    for (const char c : piece.literal) text.emplace_back(c);
    if (piece.slot < 0) continue;
    const Placeholder& placeholder = narrow_placeholders[static_cast<std::size_t>(piece.slot)];
    text.emplace_back(placeholder.type, piece.slot);
  }
  try {
    return Matcher<Symbol>(wide, wide_placeholders, text, separator).run();
  } catch (const Error&) {
    return false;  // too hard to say
  }
}

}  // namespace ckpt
