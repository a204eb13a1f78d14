#pragma once

#include <cstdint>

#include "core/file.h"

namespace ckpt::zip {

// Where the central directory lies.
struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t members = 0;
};

// Reads the end record, and the zip64 records before it where there are any. There must be exactly
// one place at which an end record and its comment fill the file to its last byte, and the
// directory must end where the end records begin. Throws Error.
Directory read_end_record(const RandomFile& file);

}  // namespace ckpt::zip
