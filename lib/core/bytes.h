#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace ckpt {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

// The bytes of an array or vector of a plain type.
template <typename T>
requires(!std::convertible_to<const T&, std::string_view>) [[nodiscard]] ByteView
    as_byte_view(const T& values) {
  return std::as_bytes(std::span(values));
}

// The bytes of a text; of a literal, without its closing NUL.
[[nodiscard]] inline ByteView as_byte_view(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ckpt
