#pragma once

#include <string>
#include <string_view>

#include "core/text.h"
#include "report/output.h"

namespace ckpt {

// ANSI escape sequences.
inline constexpr std::string_view kBold = "\x1b[1m";
inline constexpr std::string_view kDim = "\x1b[2m";
inline constexpr std::string_view kRed = "\x1b[31m";
inline constexpr std::string_view kGreen = "\x1b[32m";
inline constexpr std::string_view kCyan = "\x1b[36m";
inline constexpr std::string_view kBoldBlue = "\x1b[1;34m";
inline constexpr std::string_view kReset = "\x1b[0m";

// `text` in that color, where the style has colors.
inline std::string paint(std::string text, std::string_view color, const TextStyle& style) {
  return style.color && !text.empty() ? cat(color, text, kReset) : text;
}

}  // namespace ckpt
