#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/bytes.h"

namespace ckpt {

// XXH3, 128 bits, in canonical order.
using Digest128 = std::array<std::byte, 16>;

// XXH3 over pieces of bytes that come one after the other.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void add(ByteView bytes);
  void add_number(std::uint64_t number);

  // The lower half of value(), which for up to 240 bytes is not what XXH3 has as its 64 bits:
  // journals and undo data on disk have this one.
  [[nodiscard]] std::uint64_t short_value() const;
  [[nodiscard]] Digest128 value() const;  // 128 bits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// short_value() of bytes that are there at once.
std::uint64_t short_checksum(ByteView bytes);

}  // namespace ckpt
