#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "core/bytes.h"
#include "core/error.h"
#include "core/text.h"

namespace ckpt {

enum class ByteOrder : bool { kLittle, kBig };

// An unsigned number as its bytes stand in a file. REQUIRES: bytes.size() == sizeof(T).
template <std::unsigned_integral T>
[[nodiscard]] T decode_number(ByteView bytes, ByteOrder order = ByteOrder::kLittle) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t at = order == ByteOrder::kLittle ? sizeof(T) - 1 - i : i;
    value = static_cast<T>(static_cast<T>(value << (sizeof(T) > 1 ? 8 : 0)) |
                           std::to_integer<T>(bytes[at]));
  }
  return value;
}

// Reads a record from its first byte to its last and knows what is left of it. Every call throws
// Error(kCorrupt) where the record ends too early; `what` names the record in that sentence.
class ByteReader {
 public:
  ByteReader(ByteView bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  template <std::unsigned_integral T>
  T number() {
    return decode_number<T>(take(sizeof(T)));
  }

  ByteView take(std::size_t count) {
    if (count > bytes_.size()) {
      throw Error(Errc::kCorrupt,
                  cat(what_, " needs ", count, " more bytes and has ", bytes_.size(), " left"));
    }
    const ByteView taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }

  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  ByteView bytes_;
  std::string_view what_;
};

}  // namespace ckpt
