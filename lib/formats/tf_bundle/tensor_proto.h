#pragma once

#include <cstdint>
#include <string_view>

#include "core/bytes.h"
#include "formats/tf_bundle/dtype.h"

namespace ckpt::tf {

// The values of a TensorProto (framework/tensor.proto), as a checkpoint of version 1 has them: in
// the repeated field of their type, not as raw content.

// How many there are. Throws Error(kCorrupt) where the bytes are no TensorProto, kUnsupported where
// no field holds such a type.
std::uint64_t count_values(std::string_view proto, const Type& type);

// The values, little-endian, one after the other. REQUIRES: is_numeric(type.dtype).
Bytes decode_values(std::string_view proto, const Type& type);

}  // namespace ckpt::tf
