#pragma once

#include "formats/h5parse/context.h"

namespace ckpt::h5parse {

// The body that a shared message of the object `owner` stands for (section IV.A.1, flag 1): the
// message of that type in the header of a committed datatype, or in the file's heap of shared
// messages. A datatype or dataspace inside an attribute is shared by the attribute's flags. Throws
// Error(kCorrupt) where there is none, or where it is itself shared.
View resolve_shared(const Context& context, std::uint32_t type, View reference,
                    std::uint64_t owner);

}  // namespace ckpt::h5parse
