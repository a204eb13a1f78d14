#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/bytes.h"

namespace ckpt {

// Numbers and texts in a row of bytes, as the helper's messages and the journal have them: numbers
// are u64, little-endian; texts and bytes have their length in front.

class WireWriter {
 public:
  void number(std::uint64_t value);
  void text(std::string_view value);
  void bytes(ByteView value);
  void reserve(std::size_t size) { result_.reserve(size); }
  [[nodiscard]] const Bytes& result() const& { return result_; }
  [[nodiscard]] Bytes result() && { return std::move(result_); }

 private:
  Bytes result_;
};

// Fetches what comes next into all of what it is given, or throws.
using Receive = std::function<void(std::span<std::byte>)>;

std::uint64_t receive_number(const Receive& receive);

// Throws Error(kCorrupt) where more is taken than there is.
class WireReader {
 public:
  explicit WireReader(ByteView bytes) : rest_(bytes) {}

  std::uint64_t number();
  std::string text();
  ByteView bytes();
  // A number of things of at least `least` bytes each that follow.
  std::uint64_t count(std::uint64_t least);
  [[nodiscard]] bool is_empty() const { return rest_.empty(); }
  [[nodiscard]] ByteView rest() const { return rest_; }

 private:
  ByteView take(std::uint64_t size);

  ByteView rest_;
};

}  // namespace ckpt
