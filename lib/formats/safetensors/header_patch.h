#pragma once

#include <string>

#include "core/file.h"
#include "storage/locked_file.h"
#include "storage/undo.h"

namespace ckpt::safetensors {

// A new header in the room of the old one: all that changes in a file whose tensors stay. `text` is
// what print_header() gives, as long as what is there.

// Writes it to the locked file, under a journal at the file's end. Throws as apply_with_journal().
void apply_header(const LockedFile& file, const std::string& text);

// The undo data: all of the old header, so that a file with any other is recognised.
Undo undo_of_header(const RandomFile& file, const std::string& text);

// Is it that of a new header, the tensors where they were?
bool is_of_header(const Undo& undo);

}  // namespace ckpt::safetensors
