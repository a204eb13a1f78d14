#pragma once

#include <cstdint>
#include <vector>

#include "formats/h5parse/view.h"

namespace ckpt::h5parse {

enum class ChunkIndex : std::uint8_t {
  kBtree1,           // before layout version 4; the others as it numbers them
  kSingle,           // one chunk
  kImplicit,         // all chunks one after another
  kFixedArray,       // no dimension grows without end
  kExtensibleArray,  // one does
  kBtree2,           // more do
};

// A layout message (section IV.A.2.i): where a dataset's elements are.
struct Layout {
  enum class Kind : std::uint8_t { kCompact, kContiguous, kChunked, kVirtual };  // as in the file
  Kind kind = Kind::kContiguous;
  std::uint64_t address = kUndefined;  // of the elements, or of the index of chunks
  std::uint64_t size = kUndefined;  // contiguous: bytes; kUndefined where versions 1, 2 do not say
  Bytes compact;                    // compact: the elements, in the object's header
  std::uint32_t virtual_index = 0;  // virtual: which object of the global heap at `address`
  // Of chunks.
  std::vector<std::uint64_t> chunk;  // extents
  std::uint64_t element_size = 0;
  ChunkIndex index = ChunkIndex::kBtree1;
  bool edges_unfiltered = false;  // chunks that reach over the extents are not filtered
  std::uint64_t single_size = 0;  // single chunk, filtered: its bytes; 0 where it is not
  std::uint32_t single_mask = 0;
};

Layout read_layout(View body);

}  // namespace ckpt::h5parse
