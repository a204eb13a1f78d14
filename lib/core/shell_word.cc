#include "core/shell_word.h"

#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

bool is_printable(std::string_view text) {
  // escape() doubles backslashes, which are printable.
  std::string doubled;
  for (const char c : text) doubled.append(c == '\\' ? 2 : 1, c);
  return escape(text) == doubled;
}

}  // namespace

std::string shell_word(std::string_view text) {
  if (text.starts_with('-')) return shell_word(cat("./", text));
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(text);
  }
  std::string word;
  if (is_printable(text)) {
    for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
    return cat("'", word, "'");
  }
  for (const char c : text) {
    const bool is_plain = c >= ' ' && c <= '~' && c != '\'' && c != '\\';
    word += is_plain ? std::string(1, c) : cat("\\x", to_hex(std::string_view(&c, 1)));
  }
  return cat("$'", word, "'");
}

}  // namespace ckpt
