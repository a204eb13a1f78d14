#pragma once

#include <optional>
#include <string>

#include "checkpoint/edit.h"
#include "formats/edit/rewrite.h"
#include "formats/safetensors/edited_header.h"

namespace ckpt::safetensors {

// Format::edit for a file that stands alone. The tensors' bytes are copied inside the kernel. In
// place, where the new header fits into the room of the old one and no tensor changes, only the
// header is written, under a journal; else a changed copy takes the file's place.
EditResult edit(const std::string& path, const std::string& target, const Edit& edit,
                const EditOptions& options);

// The same of a shard, into a new file that the caller commits.
EditResult edit_into(NewFile& out, const std::string& path, const Edit& edit,
                     const EditOptions& options, UndoOf undo_of);

// The wishes for a file with that header, which must outlive them.
Wishes wishes_of(const Header& header, const Edit& edit);

// The header of a file in place; empty where a changed copy is to take the file's place. Throws
// Error(kUnsupported) where `options` rule that out.
std::optional<std::string> header_in_place(const Header& old, const EditedHeader& edited,
                                           const EditOptions& options);

// Format::undo.
void undo(const std::string& path, const Undo& undo, const EditOptions& options);

}  // namespace ckpt::safetensors
