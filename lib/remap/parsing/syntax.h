#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "remap/op.h"

namespace ckpt {

// What is wrong at which byte of a rule's text: thrown by the parts of its parser, which do not
// know the whole text, and turned into an Error by parse_rule().
struct SyntaxError {
  std::size_t at;
  std::string what;
};

// Text of a rule for a message: as it is but for what could fool a terminal.
std::string display(std::string_view text);

// The sentence, then the rule's text, then a mark under the place.
Error to_error(const SyntaxError& error, std::string_view text);

// A byte of a rule's text after the backslashes are resolved: one that was escaped stands for
// itself, and so has no meaning of its own.
struct Char {
  char byte = 0;
  bool is_escaped = false;
  bool is_group = false;  // the digit of "\1", a group of a regular expression
  std::size_t at = 0;     // of the byte, or of its backslash, in the text

  // Is it this character, with its meaning?
  [[nodiscard]] bool is(char c) const { return byte == c && !is_escaped; }
};
using Chars = std::vector<Char>;

// A part of a rule: its characters, and where it ends in the text, for "expected … here".
struct Part {
  Chars chars;
  std::size_t end = 0;

  [[nodiscard]] std::size_t at() const { return chars.empty() ? end : chars.front().at; }
};

// Resolves backslashes, from `begin` to the end of the text.
Part scan(std::string_view text, std::size_t begin);

// The same, for the target of a regular expression, where "\0" to "\9" are groups.
Part scan_groups(std::string_view text, std::size_t begin);

// Without the spaces at both ends.
Part trimmed(Part part);

// The part's text, with its backslashes resolved.
std::string to_text(const Part& part);

// The parts between unescaped `divider`s that have spaces around them (or an end of the part).
// `strict`: one without any space is an error too, not a character like others.
std::vector<Part> divide(const Part& part, char divider, bool strict);

// An operation, "split(0,768,64,64)".
Op parse_op(const Part& part);

}  // namespace ckpt
