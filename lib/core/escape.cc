#include "core/escape.h"

#include <cstdint>

namespace ckpt {
namespace {

struct Decoded {
  std::uint32_t code = 0;
  std::size_t size = 0;  // 0 where the bytes at the front are not UTF-8
};

// Decodes the first character of `text` (RFC 3629). REQUIRES: text is not empty.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  std::uint32_t code = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return {};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {code, size};
}

bool is_invisible(std::uint32_t code) {
  return (code >= 0x80 && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x2069) || code == 0xfeff;
}

void append_hex(std::string& out, std::uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out += "0123456789abcdef"[value >> shift & 0xfU];
  }
}

}  // namespace

bool is_ascii(std::string_view text) {
  unsigned char all = 0;  // without a way out the loop takes many at once
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

bool is_utf8(std::string_view text) {
  if (is_ascii(text)) return true;
  while (!text.empty()) {
    const auto size = decode(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text) {
  bool is_plain = true;  // as most names are; without a way out the loop takes many at once
  for (const char c : text) is_plain &= (c >= ' ') & (c < '\x7f') & (c != '\\');
  if (is_plain) {
    out += text;
    return;
  }
  while (!text.empty()) {
    const auto [code, size] = decode(text);
    if (code == '\\' && size == 1) {
      out += "\\\\";
    } else if (code == '\n' && size == 1) {
      out += "\\n";
    } else if (code == '\t' && size == 1) {
      out += "\\t";
    } else if (size == 0 || code < 0x20 || code == 0x7f) {
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(text[0]), 2);
    } else if (is_invisible(code)) {
      out += "\\u{";
      append_hex(out, code, 4);
      out += '}';
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
}

std::string escape(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  append_escaped(out, text);
  out += '\'';
  return out;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto size = decode(text).size;
    if (size == 0) {
      out += "\xef\xbf\xbd";
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) append_hex(out, static_cast<unsigned char>(c), 2);
  return out;
}

}  // namespace ckpt
