#pragma once

#include "checkpoint/edit.h"
#include "formats/hdf5_edit/compile.h"
#include "formats/hdf5_helper/helper.h"

namespace ckpt::hdf5 {

// What an edit of an HDF5 file comes to, before anything of it is written.
struct Prepared {
  Census census;  // without its links
  Wishes wishes;
  bool has_operations = false;  // is there anything to do?
  EditOperations operations;    // where they are to be reported
  std::vector<std::string> notes;
  LayerNames layers;  // of a file of Keras 3 weights: for the config that stands elsewhere
  Outcome outcome;    // checked; what is there already where nothing is to be done or asked for
};

// Decides the edit of the HDF5 file that is `part` of an open file and that `file` reads, lets the
// helper lay it out unless the plan is all that is asked for, and checks what came of it. Throws
// Error as Format::edit.
Prepared prepare(const RandomFile& file, const FilePart& part, const Edit& edit,
                 const EditOptions& options);

// Throws Error(kWrite) where `written` has not the pieces of the outcome, but for what its tensors
// cover.
void check_written(const RandomFile& written, const Outcome& outcome);

}  // namespace ckpt::hdf5
