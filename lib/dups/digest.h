#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "checkpoint/reader.h"

namespace ckpt {

// XXH3-128 of a tensor's bytes: row-major, little-endian, whatever the file has. It proposes that
// two tensors are equal; bytes decide.
struct Digest {
  std::array<std::uint8_t, 16> bytes{};  // canonical (big-endian) form

  friend auto operator<=>(const Digest&, const Digest&) = default;
};

// 32 hexadecimal digits, as `xxhsum -H2` prints them.
std::string to_string(const Digest& digest);

// Streams the tensor in pieces of a megabyte. Throws what Reader::read() throws.
Digest digest_of(const Reader& reader, std::size_t i);

}  // namespace ckpt
