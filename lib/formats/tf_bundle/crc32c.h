#pragma once

#include <cstdint>

#include "core/bytes.h"

namespace ckpt::tf {

// CRC-32C (Castagnoli) of the bytes behind `crc`, that of what came before them; 0 at the start.
std::uint32_t extend_crc32c(std::uint32_t crc, ByteView bytes);

// The form in which these files keep a checksum, so that one over bytes that hold checksums is not
// weak: rotated right by 15 bits, plus a constant.
std::uint32_t mask_crc32c(std::uint32_t crc);

}  // namespace ckpt::tf
