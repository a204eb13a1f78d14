#pragma once

#include "formats/h5parse/object_header.h"

namespace ckpt::h5parse {

// The body that a shared message stands for (section IV.A.1, flag 1): the message of that type in
// the header of a committed datatype, or in the file's heap of shared messages. Its bytes are kept
// in `owner`. Throws Error(kCorrupt) where there is none, or where it is itself shared.
View resolve_shared(const Context& context, const Message& message, ObjectHeader& owner);

// The same for a datatype or dataspace inside an attribute, which is shared by the attribute's
// flags.
View resolve_shared(const Context& context, std::uint32_t type, View reference,
                    ObjectHeader& owner);

}  // namespace ckpt::h5parse
