#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ckpt {

// "576 B", "1.5 KiB", "12 GiB": two or three significant digits, powers of 1024.
std::string human_bytes(std::uint64_t bytes);
inline constexpr std::size_t kLongestHumanBytes = 8;  // "1023 KiB", "99.9 KiB"

// A number for people: six significant digits, "nan", "inf", "-inf".
std::string human_number(double value);

// Columns that UTF-8 text takes on a terminal (wcwidth of the C library, in a UTF-8 locale of its
// own, so that the program's locale does not matter).
std::size_t display_width(std::string_view text);

// `text` cut to at most `width` columns, with "…" in its middle where something is left out.
// REQUIRES: width >= 1.
std::string shorten(std::string_view text, std::size_t width);

// `text` and as many spaces as `width` needs, behind it or before it.
std::string pad_right(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);

}  // namespace ckpt
