#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/file.h"
#include "storage/locked_file.h"
#include "storage/patch.h"
#include "storage/undo.h"

namespace ckpt {

// Undo data of a change: how it is made, and how a file is known to be what the change has left.

// Of a file that is written anew: what `before` has where it is not kept, and where the rest is
// now.
Undo make_undo(const RandomFile& before, const RandomFile& after, std::vector<Undo::Kept> kept);

// Of a patch: what `base` has where the patch changes it, byte for byte but for short runs of equal
// bytes between changed ones. New bytes behind the old end need none: they are cut off.
Undo make_undo(const RandomFile& base, const Patch& patch);

// Throws Error, for undo data of a file written anew: kCorrupt where it is damaged, kConflict where
// `file` is not what the change left. Reads what was not kept.
void check_undo(const RandomFile& file, const Undo& undo);

// The patch that undoes one. Throws the same, after reading the pages around the pieces.
Patch undoing_patch(const RandomFile& file, const Undo& undo);

// Is the file, with those beside it that were changed too, as far as undo data tells, what it was
// before the change: undone already?
bool is_as_before(const LockedFile& file, const Undo& undo);

}  // namespace ckpt
