#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "formats/safetensors/header.h"

namespace ckpt::safetensors {

// Gives the JSON of the header in pieces, in the order of `header`, filled up with blanks to a
// multiple of 8 bytes or to `room` bytes, whichever is more, and returns how many bytes it has. Of
// `header` the tensors' ranges and the metadata are used. Throws Error(kInvalid) where they would
// be more than 100,000,000.
std::uint64_t write_header_json(const Header& header, std::uint64_t room,
                                const std::function<void(std::string_view)>& out);

// What a file has before that: its length.
std::string header_prefix(std::uint64_t json_bytes);

// Both, as one text.
std::string print_header(const Header& header, std::uint64_t room = 0);

// Why a header cannot have that name, as a sentence; empty where it can.
std::string fault_of_name(std::string_view name);

}  // namespace ckpt::safetensors
