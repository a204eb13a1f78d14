#pragma once

#include "checkpoint/undo.h"
#include "formats/hdf5_helper/patch.h"

namespace ckpt::hdf5 {

// The undo data of a patch: what `base` has where the patch changes it, byte for byte but for short
// runs of equal bytes between changed ones. Tensors behind the old end need none: they are cut off.
Undo make_undo(const RandomFile& base, const Patch& patch);

// The patch that undoes. Throws Error(kConflict) where `file` is not what the edit left, and
// Error(kCorrupt) where the undo data has been damaged.
Patch undoing_patch(const RandomFile& file, const Undo& undo);

}  // namespace ckpt::hdf5
