#pragma once

#include <vector>

#include "formats/h5parse/context.h"
#include "formats/h5parse/messages.h"
#include "formats/hdf5/source.h"

namespace ckpt::h5parse {

// The links of a group in all of its forms, sorted by name; those of its messages are taken over.
// Throws Error(kCorrupt) where there is more than the index shows. That no two have one name is for
// those to check who follow the links, whoever reads the file (hdf5/walk.h).
std::vector<hdf5::Link> read_links(const Context& context, Messages& group);

// Section IV.A.2.g, a link message, or the same bytes in a fractal heap.
hdf5::Link read_link(View body);

}  // namespace ckpt::h5parse
