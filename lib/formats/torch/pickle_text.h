#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ckpt::torch {

// Numbers and texts as protocol 0 of a pickle spells them. All throw Error(kCorrupt), without the
// place.

[[noreturn]] void fail(const std::string& sentence);

std::int64_t decimal(std::string_view line);
double real(std::string_view line);

// Characters of one byte, others as \uXXXX or \UXXXXXXXX; as UTF-8.
std::string raw_unicode(std::string_view line);

// A text as Python prints it, in quotes.
std::string unquoted(std::string_view line);

}  // namespace ckpt::torch
