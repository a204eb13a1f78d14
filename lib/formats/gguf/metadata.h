#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "formats/gguf/cursor.h"

namespace ckpt::gguf {

struct Metadata {
  std::vector<Details::Attribute> attributes;  // keys and values as text, in the file's order
  ckpt::Metadata texts;                        // of these the strings, uncut
  std::vector<std::string> others;             // keys of the others
  std::uint64_t alignment = 32;                // of tensors: "general.alignment", or the default
};

// Reads `count` keys and values. Arrays are told by type, length and their first elements; long
// texts are cut, and say so. Throws Error(kCorrupt).
Metadata read_metadata(Cursor& cursor, std::uint64_t count);

}  // namespace ckpt::gguf
