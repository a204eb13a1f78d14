#pragma once

#include "formats/h5parse/messages.h"

namespace ckpt::h5parse {

// Where a dataset's elements are, once all that its messages say makes sense: there is a dataspace,
// a datatype and a layout, data is as long as the shape needs and inside the file, the fill value
// is an element, the chunk index is whole. Throws Error(kCorrupt) otherwise.
hdf5::Storage read_storage(const Context& context, const Messages& dataset);

}  // namespace ckpt::h5parse
