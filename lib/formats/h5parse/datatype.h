#pragma once

#include "formats/h5parse/view.h"
#include "formats/hdf5/datatype.h"

namespace ckpt::h5parse {

// A datatype message (section IV.A.2.d), also where it lies in an attribute. A type nested deeper
// than kMaxTypeDepth is of the class kUnknown as a whole: its size is known, its parts are not.
// Throws Error(kCorrupt) where the parts do not fit the whole.
hdf5::Datatype read_datatype(View body);

}  // namespace ckpt::h5parse
