#include "formats/zip/crc32.h"

#include <isa-l/crc.h>

#include <algorithm>

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
  return ::crc32_gzip_refl(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::uint32_t crc32_of(const RandomFile& file, std::uint64_t offset, std::uint64_t size) {
  constexpr std::uint64_t kAtOnce = std::uint64_t{1} << 20U;
  Bytes buffer(static_cast<std::size_t>(std::min(size, kAtOnce)));
  std::uint32_t crc = 0;
  while (size > 0) {
    const auto piece = std::span(buffer).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer.size())));
    file.read_at(offset, piece);
    crc = add_crc32(crc, piece);
    offset += piece.size();
    size -= piece.size();
  }
  return crc;
}

void check_crc32(std::uint32_t crc, std::uint32_t directory_says) {
  if (crc != directory_says) {
    throw Error(Errc::kCorrupt, cat("its bytes are damaged: their CRC-32 is ", to_hex_digits(crc),
                                    ", the directory says ", to_hex_digits(directory_says)));
  }
}

}  // namespace ckpt::zip
