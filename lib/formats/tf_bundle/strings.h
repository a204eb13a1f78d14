#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckpt::tf {

// A tensor of strings in a bundle: the length of each as a varint, the masked checksum of the
// lengths, the strings one after the other. The checksum counts a length as 4 bytes, as 8 where it
// needs more, in the bundle's byte order.

// Decodes `count` strings and checks the checksum of their lengths. A tensor of no bytes has none.
// Throws Error(kCorrupt) where lengths and bytes do not agree.
std::vector<std::string_view> decode_strings(std::string_view bytes, std::uint64_t count,
                                             bool big_endian);

struct EncodedStrings {
  std::string bytes;
  std::uint32_t crc = 0;  // masked, as the index has it
};
EncodedStrings encode_strings(const std::vector<std::string_view>& strings, bool big_endian);

// The masked checksum that the index must have of a tensor of strings, as stored.
std::uint32_t crc_of_strings(std::string_view bytes, std::uint64_t count, bool big_endian);

}  // namespace ckpt::tf
