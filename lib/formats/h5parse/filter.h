#pragma once

#include <vector>

#include "formats/h5parse/view.h"
#include "formats/hdf5/source.h"

namespace ckpt::h5parse {

// A filter message (section IV.A.2.l): what a chunk went through before it was stored.
std::vector<hdf5::Filter> read_filters(View body);

// Undoes the filters of a chunk, the last one first; those with a bit in `skipped` were not used.
// `needed` is the size of the chunk's elements; no step makes much more than that. Throws Error:
// kUnsupported for a filter that is not known, kCorrupt where the bytes are damaged or not `needed`
// when all is done.
Bytes decode_chunk(const std::vector<hdf5::Filter>& filters, std::uint32_t skipped, Bytes bytes,
                   std::uint64_t needed);

}  // namespace ckpt::h5parse
