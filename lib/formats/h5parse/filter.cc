#include "formats/h5parse/filter.h"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "core/error.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kDeflate = 1;
constexpr std::uint32_t kShuffle = 2;
constexpr std::uint32_t kFletcher32 = 3;
constexpr std::uint32_t kFirstNamed = 256;  // filters below have no name in version 2
constexpr std::size_t kFletcherBytes = 4;

// Filter 1, a zlib stream. Makes no more than `most` bytes.
Bytes inflate(const Bytes& bytes, std::uint64_t most) {
  Bytes out(
      static_cast<std::size_t>(std::min<std::uint64_t>(most, bytes.size() * kMaxInflateRatio)));
  uLongf size = out.size();
  const int result = ::uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                                  reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (result == Z_BUF_ERROR) {
    corrupt("a deflated chunk of ", bytes.size(), " bytes grows to more than ", out.size());
  }
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  if (result != Z_OK) {
    corrupt("a deflated chunk of ", bytes.size(), " bytes is damaged or ends too early");
  }
  out.resize(size);
  return out;
}

// Filter 2: the first bytes of all elements, then the second bytes, …; what is left over is last.
// REQUIRES: size > 0.
Bytes unshuffle(const Bytes& bytes, std::size_t size) {
  Bytes out = bytes;
  const std::size_t elements = bytes.size() / size;
  for (std::size_t k = 0; k < size; ++k) {
    const std::byte* from = bytes.data() + k * elements;
    std::byte* to = out.data() + k;
    for (std::size_t i = 0; i < elements; ++i) to[i * size] = from[i];
  }
  return out;
}

std::uint32_t fletcher32(ByteView bytes) {
  constexpr std::size_t kWords = 360;  // so many sums fit 32 bits before they are folded
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  const auto fold = [](std::uint32_t sum) { return (sum & 0xffffU) + (sum >> 16U); };
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.size(), at + 2 * kWords);
    for (; at < end; at += 2) {
      low += std::to_integer<std::uint32_t>(bytes[at]) << 8U;
      if (at + 1 < bytes.size()) low += std::to_integer<std::uint32_t>(bytes[at + 1]);
      high += low;
    }
    low = fold(low);
    high = fold(high);
  }
  return fold(high) << 16U | fold(low);
}

// Filter 3: a checksum behind the bytes. HDF5 before 1.6.3 swapped the bytes of each half on
// little-endian machines; such files are good.
Bytes verify_fletcher32(Bytes bytes) {
  const ByteView tail = ByteView(bytes).last(std::min(kFletcherBytes, bytes.size()));
  const std::uint32_t stored = View("the checksum of a chunk", 0, tail, {}).u32();
  bytes.resize(bytes.size() - kFletcherBytes);
  const std::uint32_t needed = fletcher32(bytes);
  const std::uint32_t swapped = (needed & 0x00ff00ffU) << 8U | (needed >> 8U & 0x00ff00ffU);
  if (stored != needed && stored != swapped) {
    corrupt("a chunk's checksum is ", stored, ", but should be ", needed);
  }
  return bytes;
}

}  // namespace

// Section IV.A.2.l.
//
//      0  version, filters; version 1: 0 (6)
//         for each: ID (2), length of the name (2, not in version 2 below ID 256), flags (2),
//         values (2) name, in version 1 padded to 8; values (4 each), in version 1 padded to 8
std::vector<hdf5::Filter> read_filters(View body) {
  std::vector<hdf5::Filter> filters;
  const std::uint32_t version = body.version(1, 2);
  const std::uint32_t count = body.u8();
  body.within("the number of its filters", count, 0, hdf5::kMaxFilters);
  if (version == 1) body.skip(6);
  for (std::uint32_t i = 0; i < count; ++i) {
    hdf5::Filter filter;
    filter.id = body.u16();
    const bool has_name = version == 1 || filter.id >= kFirstNamed;
    const std::size_t name_size = has_name ? body.u16() : 0;
    const auto [flags, values] = body.fields<2, 2>();
    const std::size_t padded = version == 1 ? (name_size + 7) / 8 * 8 : name_size;
    const std::string_view name = as_text(body.take(padded)).substr(0, name_size);
    filter.name = name.substr(0, name.find('\0'));
    for (std::uint64_t k = 0; k < values; ++k) filter.values.push_back(body.u32());
    if (version == 1 && values % 2 == 1) body.skip(4);
    filter.is_known = filter.id == kDeflate || filter.id == kShuffle || filter.id == kFletcher32;
    filters.push_back(std::move(filter));
  }
  return filters;
}

Bytes decode_chunk(const std::vector<hdf5::Filter>& filters, std::uint32_t skipped, Bytes bytes,
                   std::uint64_t needed) {
  if (std::uint64_t{skipped} >> filters.size() != 0) {
    corrupt("a chunk's mask ", skipped, " names more than its ", filters.size(), " filters");
  }
  for (std::size_t i = filters.size(); i-- > 0;) {
    if ((skipped >> i & 1U) != 0) continue;
    const hdf5::Filter& filter = filters[i];
    if (filter.id == kDeflate) {
      // What comes out is the elements, or what further filters made of them: a little more.
      bytes = inflate(bytes, i == 0 ? needed : needed + needed / 512 + 1024);
    } else if (filter.id == kShuffle) {
      const std::size_t size = filter.values.empty() ? 1 : filter.values.front();
      if (size > 1) bytes = unshuffle(bytes, size);
    } else if (filter.id == kFletcher32) {
      bytes = verify_fletcher32(std::move(bytes));
    } else {
      throw Error(Errc::kUnsupported, cat("filter ", filter.id, " is not known here"));
    }
  }
  if (bytes.size() != needed) {
    corrupt("a chunk has ", bytes.size(), " bytes, its elements need ", needed);
  }
  return bytes;
}

}  // namespace ckpt::h5parse
