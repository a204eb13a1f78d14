#include "formats/tf_bundle/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace ckpt::tf {

std::uint32_t extend_crc32c(std::uint32_t crc, ByteView bytes) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // the library counts in int
  crc = ~crc;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kMost);
    // The library takes a pointer to bytes it does not change.
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    crc = ::crc32_iscsi(data, static_cast<int>(size), crc);
    bytes = bytes.subspan(size);
  }
  return ~crc;
}

std::uint32_t mask_crc32c(std::uint32_t crc) {
  constexpr std::uint32_t kDelta = 0xa282ead8;  // leveldb's util/crc32c.h
  return ((crc >> 15) | (crc << 17)) + kDelta;
}

}  // namespace ckpt::tf
