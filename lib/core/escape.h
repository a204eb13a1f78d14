#pragma once

#include <string>
#include <string_view>

namespace ckpt {

// Names in files are bytes. These functions make them safe to look at.

// Has `text` bytes below 128 only?
bool is_ascii(std::string_view text);

// Is `text` valid UTF-8: no overlong form, no surrogate, nothing past U+10FFFF?
bool is_utf8(std::string_view text);

// `text` in a form that a terminal cannot be fooled by: control characters become \n, \t or \xNN,
// bytes that are not UTF-8 become \xNN, invisible and direction-changing characters (U+200B..200F,
// U+2028..202E, U+2060..2069, U+FEFF) become \u{...}, and a backslash becomes \\. Plain names come
// out unchanged. The same behind what `out` has.
std::string escape(std::string_view text);
void append_escaped(std::string& out, std::string_view text);
// The same between single quotes, as a name stands in a sentence.
std::string in_quotes(std::string_view text);

// `text` with each byte that is not part of valid UTF-8 replaced by U+FFFD: for JSON, which cannot
// hold such bytes. Where it changes anything, write to_hex() of the name beside it.
std::string replace_invalid_utf8(std::string_view text);

// Two lower-case digits a byte.
std::string to_hex(std::string_view bytes);

}  // namespace ckpt
