#pragma once

#include <cstdint>
#include <string>

#include "formats/safetensors/header.h"

namespace ckpt::safetensors {

// The header as it stands at the front of a file: its length and its JSON, in the order of
// `header`, filled up with blanks to a multiple of 8 bytes or to `room` bytes of JSON, whichever is
// more. Of `header` the tensors' ranges and the metadata are used. Throws Error(kInvalid) where it
// would have more than 100,000,000 bytes.
std::string print_header(const Header& header, std::uint64_t room = 0);

// Why a header cannot have that name, as a sentence; empty where it can.
std::string fault_of_name(std::string_view name);

}  // namespace ckpt::safetensors
