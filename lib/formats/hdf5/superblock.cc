#include "formats/hdf5/superblock.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/bytes.h"
#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"

namespace ckpt::hdf5 {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\211HDF\r\n\032\n"sv;
constexpr unsigned kOpenForWriting = 1U;  // version 3: a writer has not closed it
constexpr unsigned kOpenForSwmr = 4U;     // version 3: a single writer, many readers

// Little-endian unsigned number of `size` bytes at `offset`; all ones, the "undefined address", is
// all ones whatever the size.
std::uint64_t number_at(ByteView bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  bool all_ones = true;
  for (std::size_t i = size; i-- > 0;) {
    const auto byte = static_cast<std::uint64_t>(bytes[offset + i]);
    value = value << 8U | byte;
    all_ones = all_ones && byte == 0xff;
  }
  return all_ones ? UINT64_MAX : value;
}

}  // namespace

std::optional<std::uint64_t> find_signature(const RandomFile& file) {
  std::array<std::byte, kSignature.size()> bytes{};
  for (std::uint64_t at = 0; at + bytes.size() <= file.size(); at = at == 0 ? 512 : at * 2) {
    file.read_at(at, bytes);
    if (as_text(bytes) == kSignature) return at;
  }
  return std::nullopt;
}

Superblock read_superblock(const RandomFile& file) {
  Superblock block;
  const auto at = find_signature(file);
  if (!at) throw Error(Errc::kCorrupt, "has no HDF5 signature");
  block.offset = *at;

  // The longest fixed part: version 1 with 8-byte offsets, up to the driver's address.
  constexpr std::size_t kLongest = 60;
  std::array<std::byte, kLongest> buffer{};
  const auto available =
      static_cast<std::size_t>(std::min<std::uint64_t>(kLongest, file.size() - block.offset));
  const auto bytes = std::span(buffer).first(available);
  file.read_at(block.offset, bytes);
  const auto number = [&](std::size_t offset, std::size_t size) {
    if (offset + size > bytes.size()) {
      throw Error(Errc::kCorrupt, cat("is cut off inside the HDF5 superblock: ", file.size(),
                                      " bytes is all there is"));
    }
    return number_at(bytes, offset, size);
  };

  block.version = static_cast<unsigned>(number(8, 1));
  if (block.version > 3) {
    throw Error(Errc::kUnsupported, cat("has an HDF5 superblock of version ", block.version,
                                        "; versions 0 to 3 are known"));
  }
  const bool is_old = block.version < 2;
  const auto offset_size = static_cast<std::size_t>(number(is_old ? 13 : 9, 1));
  const auto length_size = static_cast<std::size_t>(number(is_old ? 14 : 10, 1));
  for (const std::size_t size : {offset_size, length_size}) {
    if (size != 2 && size != 4 && size != 8) {
      throw Error(Errc::kCorrupt,
                  cat("HDF5 superblock: offsets of ", offset_size, " and lengths of ", length_size,
                      " bytes; 2, 4 or 8 are possible"));
    }
  }
  const std::size_t base_at = is_old ? (block.version == 0 ? 24 : 28) : 12;
  block.flags = static_cast<unsigned>(is_old ? number(20, 4) : number(11, 1));
  const std::uint64_t base = number(base_at, offset_size);
  const std::uint64_t end = number(base_at + 2 * offset_size, offset_size);
  if (base != block.offset) {
    throw Error(Errc::kCorrupt,
                cat("HDF5 superblock: says that it lies at ", base, ", but is at ", block.offset));
  }
  // libhdf5 (H5F__super_read) stores the end relative to nothing: it counts from the first byte of
  // the file in all versions, the user block included.
  block.end_of_file = end;
  if (block.end_of_file == UINT64_MAX || block.end_of_file <= block.offset) {
    throw Error(Errc::kCorrupt, "HDF5 superblock: does not say where the file ends");
  }
  if (block.end_of_file > file.size()) {
    throw Error(Errc::kCorrupt,
                cat("is truncated: it is ", file.size(), " bytes long, but its superblock says ",
                    block.end_of_file, " (", block.end_of_file - file.size(), " are missing)"));
  }
  if (block.version == 3 && (block.flags & (kOpenForWriting | kOpenForSwmr)) != 0) {
    throw Error(Errc::kIo,
                "is marked as open for writing: a program writes it now, or ended without closing "
                "it; if none does, `h5clear -s` removes the mark, but its content may be damaged");
  }
  return block;
}

}  // namespace ckpt::hdf5
