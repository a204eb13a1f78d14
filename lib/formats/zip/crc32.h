#pragma once

#include <cstdint>

#include "core/bytes.h"
#include "core/file.h"

namespace ckpt::zip {

// The CRC-32 of `bytes` behind others whose CRC-32 is `crc`; 0 for none.
std::uint32_t add_crc32(std::uint32_t crc, ByteView bytes);

// The CRC-32 of a stretch of `file`. Throws what read_at() throws.
std::uint32_t crc32_of(const RandomFile& file, std::uint64_t offset, std::uint64_t size);

// Throws Error(kCorrupt) where `crc`, of all of a member's bytes, is not what the directory says.
void check_crc32(std::uint32_t crc, std::uint32_t directory_says);

}  // namespace ckpt::zip
