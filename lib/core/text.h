#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"

namespace ckpt {

// One argument of cat(): text, a character, or a number printed by std::to_chars, so that no locale
// is ever involved. Floating-point numbers print in their shortest round-trip form.
class Piece {
 public:
  Piece(std::string_view text) : text_(text) {}                 // NOLINT: implicit by design
  Piece(const std::string& text) : text_(text) {}               // NOLINT
  Piece(const char* text) : text_(text) {}                      // NOLINT
  Piece(char c) : text_(buffer_.data(), 1) { buffer_[0] = c; }  // NOLINT
  template <typename Number>
  requires((std::integral<Number> || std::floating_point<Number>)&&!std::same_as<Number, bool> &&
           !std::same_as<Number, char>) Piece(Number number) {  // NOLINT
    const auto end = std::to_chars(buffer_.data(), buffer_.data() + buffer_.size(), number).ptr;
    text_ = std::string_view(buffer_.data(), static_cast<std::size_t>(end - buffer_.data()));
  }
  Piece(const Piece&) = delete;  // text_ may point into buffer_
  Piece& operator=(const Piece&) = delete;

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::array<char, 32> buffer_;
  std::string_view text_;
};

std::string cat_pieces(std::initializer_list<std::string_view> pieces);

// Concatenates text and numbers: cat("offset ", 4096, " passes the end").
template <typename... Args>
[[nodiscard]] std::string cat(const Args&... args) {
  return cat_pieces({Piece(args).text()...});
}

// "00ff": two digits a byte.
std::string hex_of(ByteView bytes);

// The items with `separator` between them.
std::string join(const std::vector<std::string>& items, std::string_view separator);

// The pieces of `text` between separators; "a//b" has an empty one. REQUIRES: separator not empty.
std::vector<std::string_view> split(std::string_view text, std::string_view separator);

// "1 variable", "2 variables": `number` with thousands separated by commas, and the noun with an
// "s" where the number is not one.
std::string count_of(std::uint64_t number, std::string_view noun);

// 1234567 as "1,234,567"; the same behind what `out` has.
std::string with_commas(std::uint64_t number);
void append_with_commas(std::string& out, std::uint64_t number);

// Does `text` match the shell pattern, as a whole? `*` matches any run of characters within one
// segment, `**` across `separator`, `?` one character within a segment, `[a-z]` and `[!a-z]` sets.
// `separator` may be 0: then there are no segments.
bool glob_match(std::string_view pattern, std::string_view text, char separator);

}  // namespace ckpt
