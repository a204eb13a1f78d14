#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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

// The digest of bytes that come in pieces.
class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  DigestStream(const DigestStream&) = delete;
  DigestStream& operator=(const DigestStream&) = delete;

  void add(ByteView piece);
  [[nodiscard]] Digest finish() const;

 private:
  struct State;  // of the hash library
  std::unique_ptr<State> state_;
};

Digest digest_of_bytes(ByteView bytes);

// Streams the tensor in pieces of a megabyte. Throws what Reader::read() throws.
Digest digest_of(const Reader& reader, std::size_t i);

// The attribute of a variable in which a native file may keep its digest, as to_string() has it.
inline constexpr std::string_view kDigestAttribute = "xxh3_128";

// The digest that a variable's attributes tell; empty where there is none or it is no digest. It
// was true when it was written: bytes decide.
std::optional<Digest> stored_digest(const Details& details);

}  // namespace ckpt
