#pragma once

#include <cstdint>

#include "core/bytes.h"

namespace ckpt::h5parse {

// Bob Jenkins' hash "lookup3" (hashlittle, in the public domain) with an initial value of 0: the
// checksum of all metadata since HDF5 1.8, and the hash of names in dense storage.
std::uint32_t lookup3(ByteView bytes);

}  // namespace ckpt::h5parse
