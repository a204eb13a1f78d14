#include "formats/h5parse/layout.h"

#include "core/text.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kCompact = 0;
constexpr std::uint32_t kContiguous = 1;
constexpr std::uint32_t kChunked = 2;
constexpr std::uint32_t kVirtual = 3;

Layout::Kind kind_of(std::uint32_t number, std::uint32_t last, const View& body) {
  if (number > last) body.fail(cat("is of class ", number, "; 0 to ", last, " are possible"));
  switch (number) {
    case kCompact:
      return Layout::Kind::kCompact;
    case kContiguous:
      return Layout::Kind::kContiguous;
    case kChunked:
      return Layout::Kind::kChunked;
    default:
      return Layout::Kind::kVirtual;
  }
}

// The extents of a chunk and, last, the size of an element.
void read_chunk(View& body, std::uint32_t rank, std::size_t width, Layout& out) {
  if (rank < 2 || rank > kMaxRank + 1) {
    body.fail(cat("has chunks of ", rank, " dimensions with the element's; 2 to ", kMaxRank + 1,
                  " are possible"));
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
  out.kind = kind_of(body.u8(), kChunked, body);
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
  const std::uint32_t index = body.u8();
  switch (index) {
    case 1:
      out.index = ChunkIndex::kSingle;
      if ((flags & 2U) != 0) {
        out.single_size = body.length();
        out.single_mask = body.u32();
        if (out.single_size == 0) body.fail("has a filtered chunk of 0 bytes");
      }
      break;
    case 2:
      out.index = ChunkIndex::kImplicit;
      break;
    case 3:
      out.index = ChunkIndex::kFixedArray;
      body.skip(1);
      break;
    case 4:
      out.index = ChunkIndex::kExtensibleArray;
      body.skip(5);
      break;
    case 5:
      out.index = ChunkIndex::kBtree2;
      body.skip(6);
      break;
    default:
      body.fail(cat("has a chunk index of kind ", index, "; 1 to 5 are possible"));
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
  out.kind = kind_of(body.u8(), version == 3 ? kChunked : kVirtual, body);
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
