#include "formats/torch/pickle_text.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::torch {
namespace {

constexpr std::size_t kMostDigits = 20;  // of a decimal number

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18 & 7));
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::uint32_t hexadecimal(std::string_view digits, std::size_t count) {
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + std::min(count, digits.size()), value, 16);
  if (digits.size() < count || error != std::errc() || end != digits.data() + count) {
    fail(cat("its pickle has a malformed escape in a text"));
  }
  return value;
}

}  // namespace

void fail(const std::string& sentence) { throw Error(Errc::kCorrupt, sentence); }

std::int64_t decimal(std::string_view line) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (line.size() > kMostDigits || error != std::errc() || end != line.data() + line.size()) {
    fail(cat("its pickle has '", escape(line.substr(0, 40)),
             "' where a decimal number of 64 bits is needed"));
  }
  return value;
}

double real(std::string_view line) {
  double value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc() || end != line.data() + line.size()) {
    fail(cat("its pickle has '", escape(line.substr(0, 40)), "' where a number is needed"));
  }
  return value;
}

std::string raw_unicode(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escaped = line[i] == '\\' && i + 1 < line.size();
    if (escaped && (line[i + 1] == 'u' || line[i + 1] == 'U')) {
      const std::size_t count = line[i + 1] == 'u' ? 4 : 8;
      append_utf8(out, hexadecimal(line.substr(i + 2), count) & 0x1fffff);
      i += 1 + count;
    } else {
      append_utf8(out, static_cast<unsigned char>(line[i]));
    }
  }
  return out;
}

std::string unquoted(std::string_view line) {
  if (line.size() < 2 || line.front() != line.back() || (line[0] != '\'' && line[0] != '"')) {
    fail(cat("its pickle has a text without quotes"));
  }
  line = line.substr(1, line.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      out += line[i];
      continue;
    }
    if (++i == line.size()) fail(cat("its pickle has a malformed escape in a text"));
    const char c = line[i];
    if (c == 'x') {
      out += static_cast<char>(hexadecimal(line.substr(i + 1), 2));
      i += 2;
    } else {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
    }
  }
  return out;
}

}  // namespace ckpt::torch
