#include "formats/h5parse/lookup3.h"

#include <bit>

namespace ckpt::h5parse {
namespace {

// The state is three words. Twelve bytes at a time are added as little-endian words and mixed; the
// last one to twelve are padded with zeros and mixed with another schedule of rotations.
struct State {
  std::uint32_t a, b, c;

  void mix() {
    a -= c, a ^= std::rotl(c, 4), c += b;
    b -= a, b ^= std::rotl(a, 6), a += c;
    c -= b, c ^= std::rotl(b, 8), b += a;
    a -= c, a ^= std::rotl(c, 16), c += b;
    b -= a, b ^= std::rotl(a, 19), a += c;
    c -= b, c ^= std::rotl(b, 4), b += a;
  }

  void finish() {
    c ^= b, c -= std::rotl(b, 14);
    a ^= c, a -= std::rotl(c, 11);
    b ^= a, b -= std::rotl(a, 25);
    c ^= b, c -= std::rotl(b, 16);
    a ^= c, a -= std::rotl(c, 4);
    b ^= a, b -= std::rotl(a, 14);
    c ^= b, c -= std::rotl(b, 24);
  }
};

std::uint32_t word_at(ByteView bytes, std::size_t at) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4 && at + i < bytes.size(); ++i) {
    word |= std::to_integer<std::uint32_t>(bytes[at + i]) << 8 * i;
  }
  return word;
}

std::uint32_t whole_word(const std::byte* at) {
  return std::to_integer<std::uint32_t>(at[0]) | std::to_integer<std::uint32_t>(at[1]) << 8U |
         std::to_integer<std::uint32_t>(at[2]) << 16U |
         std::to_integer<std::uint32_t>(at[3]) << 24U;
}

}  // namespace

std::uint32_t lookup3(ByteView bytes) {
  const std::uint32_t start = 0xdeadbeef + static_cast<std::uint32_t>(bytes.size());
  State state{start, start, start};
  if (bytes.empty()) return state.c;
  while (bytes.size() > 12) {
    state.a += whole_word(bytes.data());
    state.b += whole_word(bytes.data() + 4);
    state.c += whole_word(bytes.data() + 8);
    state.mix();
    bytes = bytes.subspan(12);
  }
  state.a += word_at(bytes, 0);
  state.b += word_at(bytes, 4);
  state.c += word_at(bytes, 8);
  state.finish();
  return state.c;
}

}  // namespace ckpt::h5parse
