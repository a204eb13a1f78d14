#include "formats/h5parse/layout.h"

#include <array>

#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

// The extents of a chunk and, last, the size of an element.
void read_chunk(View& body, std::uint64_t rank, std::size_t width, Layout& out) {
  body.within("the number of a chunk's dimensions, with the element's,", rank, 2, kMaxRank + 1);
  for (std::uint64_t i = 0; i + 1 < rank; ++i) {
    out.chunk.push_back(body.number(width));
    if (out.chunk.back() == 0) body.fail("has chunks with an extent of 0");
  }
  out.element_size = body.number(width);
}

// Version 4, chunked.
//
//      2  flags, rank with the element's, width of extents
//      5  extents and element size, kind of index, its parameters, its address
void read_chunked_4(View& body, Layout& out) {
  const auto [flags, rank, width] = body.fields<1, 1, 1>();
  out.edges_unfiltered = (flags & 1U) != 0;
  read_chunk(body, rank, width, out);
  // How many bytes of parameters each kind of index has: they are in its own header too.
  static constexpr std::array<std::size_t, 6> kParameters{0, 0, 0, 1, 5, 6};
  const std::uint32_t index = body.u8();
  body.within("the kind of its chunk index", index, 1, kParameters.size() - 1);
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

// Section IV.A.2.i.
//
//     versions 1 and 2: version, rank, class, 0 (5)
//         compact: extents (4 each), size (4), elements; contiguous: address, extents
//         chunked: address, extents of a chunk and element size (4 each)
//     versions 3 and 4: version, class
//         compact: size (2), elements; contiguous: address, size (length)
//         chunked, version 3: rank with the element's, address, extents and element size (4 each)
//         virtual, version 4: address of a global heap, index (4)
Layout read_layout(View body) {
  const std::uint32_t version = body.version(1, 4);
  const bool is_old = version < 3;
  std::uint64_t rank = is_old ? body.u8() : 0;
  const std::uint32_t kind = body.u8();
  body.within("its class", kind, 0, version < 4 ? 2 : 3);
  if (is_old) body.skip(5);
  Layout out;
  out.kind = static_cast<Layout::Kind>(kind);
  switch (out.kind) {
    case Layout::Kind::kCompact:
      body.skip(4 * rank);
      out.compact = body.copy(is_old ? body.u32() : body.u16());
      break;
    case Layout::Kind::kContiguous:
      out.address = body.offset();
      if (!is_old) out.size = body.length();
      break;
    case Layout::Kind::kChunked:
      if (version == 4) {
        read_chunked_4(body, out);
        break;
      }
      if (version == 3) rank = body.u8();
      out.address = body.offset();
      read_chunk(body, rank, 4, out);
      break;
    case Layout::Kind::kVirtual:
      out.address = body.offset();
      out.virtual_index = body.u32();
      break;
  }
  return out;
}

}  // namespace ckpt::h5parse
