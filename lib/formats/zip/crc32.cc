#include "formats/zip/crc32.h"

#include <zlib.h>

#include "core/error.h"
#include "core/text.h"

namespace ckpt::zip {
namespace {

std::string to_hex_digits(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[(value >> shift) & 0xf];
  return text;
}

}  // namespace

std::uint32_t add_crc32(std::uint32_t crc, ByteView bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void check_crc32(std::uint32_t crc, const Member& member) {
  if (crc != member.crc) {
    throw Error(Errc::kCorrupt, cat("its bytes are damaged: their CRC-32 is ", to_hex_digits(crc),
                                    ", the directory says ", to_hex_digits(member.crc)));
  }
}

}  // namespace ckpt::zip
