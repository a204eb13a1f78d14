#pragma once

#include <string>

#include "checkpoint/reader.h"
#include "storage/new_file.h"

namespace ckpt {

// The header of a NumPy file, format version 1.0, padded so that the data behind it starts at a
// multiple of 64 bytes (NumPy's "NEP 1"). bf16 and f8, which NumPy has no name for, become void
// types of their size ("|V2"), as NumPy itself writes them. Throws Error(kUnsupported) where dtype
// is not numeric or the header would pass 65,535 bytes.
std::string npy_header(DType dtype, const Shape& shape);

// Writes entry `i` as a NumPy file, atomically, streaming.
void write_npy(const Reader& reader, std::size_t i, const std::string& path, Overwrite overwrite);

}  // namespace ckpt
