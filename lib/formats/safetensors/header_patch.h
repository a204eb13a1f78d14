#pragma once

#include <string>

#include "checkpoint/undo.h"
#include "core/file.h"
#include "formats/hdf5_helper/patch.h"

namespace ckpt::safetensors {

// A new header in the room of the old one: all that changes in a file whose tensors stay. `text` is
// what print_header() gives, as long as what is there.

// The change, to look at the file as it will be.
hdf5::Patch header_patch(const RandomFile& file, const std::string& text);

// Writes it to the file of `fd`, which is locked, under a journal at the file's end. Throws
// Error(kWrite).
void apply_header(int fd, const std::string& text);

// The undo data: all of the old header, so that a file with any other is recognised.
Undo undo_of_header(const RandomFile& file, const std::string& text);

// Is it that of a new header, the tensors where they were?
bool is_of_header(const Undo& undo);

}  // namespace ckpt::safetensors
