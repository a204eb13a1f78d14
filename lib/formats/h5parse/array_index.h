#pragma once

#include <functional>

#include "formats/h5parse/context.h"
#include "formats/h5parse/layout.h"

namespace ckpt::h5parse {

// The number of a chunk, its address, its stored bytes (kUndefined where it is not filtered) and
// the filters that were not used on it. Chunks that are not stored are left out.
using TakeElement = std::function<void(std::uint64_t, std::uint64_t, std::uint64_t, std::uint32_t)>;

// Gives `take` the elements of a fixed array (section VII.D) or an extensible array (section VII.E
// of the specification's appendix C): indexes of chunks. Throws Error(kCorrupt) where its blocks do
// not belong to it or its counts are not what is there.
void for_each_element(const Context& context, ChunkIndex kind, std::uint64_t address,
                      const TakeElement& take);

}  // namespace ckpt::h5parse
