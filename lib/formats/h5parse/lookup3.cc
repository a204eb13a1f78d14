#include "formats/h5parse/lookup3.h"

#include <algorithm>
#include <array>
#include <bit>

namespace ckpt::h5parse {
namespace {

constexpr std::size_t kStep = 12;

std::uint32_t word_at(const std::byte* at) {
  return std::to_integer<std::uint32_t>(at[0]) | std::to_integer<std::uint32_t>(at[1]) << 8U |
         std::to_integer<std::uint32_t>(at[2]) << 16U |
         std::to_integer<std::uint32_t>(at[3]) << 24U;
}

// The state is three words. Twelve bytes at a time are added as little-endian words and mixed; the
// last one to twelve are padded with zeros and mixed with another schedule of rotations.
struct State {
  std::uint32_t a, b, c;

  void add(const std::byte* twelve) {
    a += word_at(twelve);
    b += word_at(twelve + 4);
    c += word_at(twelve + 8);
  }

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

}  // namespace

std::uint32_t lookup3(ByteView bytes) {
  const std::uint32_t start = 0xdeadbeef + static_cast<std::uint32_t>(bytes.size());
  State state{start, start, start};
  if (bytes.empty()) return state.c;
  for (; bytes.size() > kStep; bytes = bytes.subspan(kStep)) {
    state.add(bytes.data());
    state.mix();
  }
  std::array<std::byte, kStep> last{};
  std::ranges::copy(bytes, last.begin());
  state.add(last.data());
  state.finish();
  return state.c;
}

}  // namespace ckpt::h5parse
