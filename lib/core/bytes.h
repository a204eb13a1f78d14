#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace ckpt {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

// The bytes of a value or an array of a plain type.
template <typename T>
[[nodiscard]] ByteView as_byte_view(const T& values) {
  return std::as_bytes(std::span(values));
}

[[nodiscard]] inline ByteView as_byte_view(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ckpt
