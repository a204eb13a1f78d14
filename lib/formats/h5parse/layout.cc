#include "formats/h5parse/layout.h"

#include <array>

#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

Layout::Kind kind_of(std::uint32_t number, Layout::Kind last, const View& body) {
  const auto most = static_cast<std::uint32_t>(last);
  if (number > most) body.fail("is of class ", number, "; 0 to ", most, " are possible");
  return static_cast<Layout::Kind>(number);
}

// The extents of a chunk and, last, the size of an element.
void read_chunk(View& body, std::uint32_t rank, std::size_t width, Layout& out) {
  if (rank < 2 || rank > kMaxRank + 1) {
    body.fail("has chunks of ", rank, " dimensions with the element's; 2 to ", kMaxRank + 1,
              " are possible");
  }
  for (std::uint32_t i = 0; i + 1 < rank; ++i) {
    out.chunk.push_back(body.number(width));
    if (out.chunk.back() == 0) body.fail("has chunks with an extent of 0");
  }
  out.element_size = body.number(width);
}

// Versions 1 and 2.
//
//      0  version, rank, class, 0 (5)
//      8  not compact: address; extents (4 each), chunked: of a chunk, and element size
//         compact: size (4), elements
Layout read_old(View body) {
  Layout out;
  body.skip(1);
  const std::uint32_t rank = body.u8();
  out.kind = kind_of(body.u8(), Layout::Kind::kChunked, body);
  body.skip(5);
  if (out.kind != Layout::Kind::kCompact) out.address = body.offset();
  if (out.kind == Layout::Kind::kChunked) {
    read_chunk(body, rank, 4, out);
  } else {
    body.skip(std::size_t{4} * rank);
  }
  if (out.kind == Layout::Kind::kCompact) out.compact = body.take(body.u32());
  return out;
}

// Version 4, chunked.
//
//      2  flags, rank with the element's, width of extents
//      5  extents and element size, kind of index, its parameters, its address
void read_chunked_4(View& body, Layout& out) {
  const std::uint32_t flags = body.u8();
  out.edges_unfiltered = (flags & 1U) != 0;
  const std::uint32_t rank = body.u8();
  const std::size_t width = body.u8();
  read_chunk(body, rank, width, out);
  // How many bytes of parameters each kind of index has: they are in its own header too.
  static constexpr std::array<std::size_t, 6> kParameters{0, 0, 0, 1, 5, 6};
  const std::uint32_t index = body.u8();
  if (index == 0 || index >= kParameters.size()) {
    body.fail("has a chunk index of kind ", index, "; 1 to 5 are possible");
  }
  out.index = static_cast<ChunkIndex>(index);
  body.skip(kParameters[index]);
  if (out.index == ChunkIndex::kSingle && (flags & 2U) != 0) {
    out.single_size = body.length();
    out.single_mask = body.u32();
    if (out.single_size == 0) body.fail("has a filtered chunk of 0 bytes");
  }
  out.address = body.offset();
}

}  // namespace

// Section IV.A.2.i. From version 3 on:
//
//      0  version, class
//      2  compact: size (2), elements; contiguous: address, size (length);
//         chunked, version 3: rank with the element's, address, extents and element size (4 each);
//         virtual: address of a global heap, index (4)
Layout read_layout(View body) {
  View start = body;
  if (start.version(1, 4) < 3) return read_old(body);
  const std::uint32_t version = body.u8();
  Layout out;
  out.kind =
      kind_of(body.u8(), version == 3 ? Layout::Kind::kChunked : Layout::Kind::kVirtual, body);
  switch (out.kind) {
    case Layout::Kind::kCompact:
      out.compact = body.take(body.u16());
      break;
    case Layout::Kind::kContiguous:
      out.address = body.offset();
      out.size = body.length();
      break;
    case Layout::Kind::kChunked:
      if (version == 4) {
        read_chunked_4(body, out);
      } else {
        const std::uint32_t rank = body.u8();
        out.address = body.offset();
        read_chunk(body, rank, 4, out);
      }
      break;
    case Layout::Kind::kVirtual:
      out.address = body.offset();
      out.virtual_index = body.u32();
      break;
  }
  return out;
}

}  // namespace ckpt::h5parse
