#pragma once

#include "checkpoint/format.h"

namespace ckpt::gguf {

// GGUF files of version 2 and 3, in either byte order: read. A file gives a tensor's extents
// innermost first; an entry has them outermost first, as every other format, and so row-major.
extern const Format kFormat;

}  // namespace ckpt::gguf
