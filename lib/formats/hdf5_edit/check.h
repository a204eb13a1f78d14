#pragma once

#include <span>

#include "formats/hdf5_edit/compile.h"

namespace ckpt::hdf5 {

// An edit as it was planned, to be compared with what has come of it.
struct Plan {
  const Census& before;
  const Wishes& wishes;
  const Work& work;
  const Edit& edit;
  const Patch& patch;
  bool use_paths = false;
};

// Walks through the patched file and compares: every group has the links it must have; every
// object that was there before has the same datatype, shape, storage place, data
// and attributes, but for the texts that the plan changes; new tensors have their type, their shape
// and the room that the helper told; every variable has the name that was asked for. What the patch
// does not touch is not read again: it is what the census saw. `original` is the file as it was.
// Throws Error(kWrite) at the first difference: then something is wrong with this program or
// with libhdf5, and nothing must be written.
void check_outcome(const Plan& plan, const RandomFile& original, const RandomFile& patched,
                   std::span<const ByteRange> created);

}  // namespace ckpt::hdf5
