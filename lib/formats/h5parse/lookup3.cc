#include "formats/h5parse/lookup3.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace ckpt::h5parse {
namespace {

constexpr std::size_t kStep = 12;

std::uint32_t word_at(const std::byte* at) {
  return std::to_integer<std::uint32_t>(at[0]) | std::to_integer<std::uint32_t>(at[1]) << 8U |
         std::to_integer<std::uint32_t>(at[2]) << 16U |
         std::to_integer<std::uint32_t>(at[3]) << 24U;
}

// The state is three words. Twelve bytes at a time are added as little-endian words and mixed; the
// last one to twelve are padded with zeros and mixed in another way. Both are a row of equal steps
// that differ in how far a word is rotated; behind each the three words change their parts.
struct State {
  std::uint32_t a, b, c;

  void add(const std::byte* twelve) {
    a += word_at(twelve);
    b += word_at(twelve + 4);
    c += word_at(twelve + 8);
  }
  void mix() {
    for (const int bits : {4, 6, 8, 16, 19, 4}) {
      a = (a - c) ^ std::rotl(c, bits);
      c += b;
      turn();
    }
  }
  void finish() {
    for (const int bits : {14, 11, 25, 16, 4, 14, 24}) {
      c = (c ^ b) - std::rotl(b, bits);
      turn();
    }
  }
  void turn() { a = std::exchange(b, std::exchange(c, a)); }
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
  return state.b;  // the c that was, seven turns ago
}

}  // namespace ckpt::h5parse
