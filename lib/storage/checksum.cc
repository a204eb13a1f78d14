#include "storage/checksum.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <new>

namespace ckpt {

struct Checksum::State {
  XXH3_state_t* state = XXH3_createState();

  State() {
    if (state == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(state);
  }
  ~State() { XXH3_freeState(state); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Checksum::Checksum() : state_(std::make_unique<State>()) {}
Checksum::~Checksum() = default;

void Checksum::add(ByteView bytes) {
  XXH3_128bits_update(state_->state, bytes.data(), bytes.size());
}

void Checksum::add_number(std::uint64_t number) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(number >> (8 * i) & 0xffU);
  }
  add(bytes);
}

std::uint64_t Checksum::short_value() const { return XXH3_128bits_digest(state_->state).low64; }

Digest128 Checksum::value() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->state));
  Digest128 digest{};
  std::ranges::copy(std::as_bytes(std::span(canonical.digest)), digest.begin());
  return digest;
}

std::uint64_t short_checksum(ByteView bytes) {
  return XXH3_128bits(bytes.data(), bytes.size()).low64;
}

}  // namespace ckpt
