#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace ckpt::tf {

// The first sizeof(T) bytes of `text` as a little-endian number. REQUIRES: there are as many.
template <std::unsigned_integral T>
[[nodiscard]] T load_little_endian(std::string_view text) {
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) {
    value = static_cast<T>((value << 8) | static_cast<unsigned char>(text[i]));
  }
  return value;
}

template <std::unsigned_integral T>
void append_little_endian(std::string& text, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    text += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

}  // namespace ckpt::tf
