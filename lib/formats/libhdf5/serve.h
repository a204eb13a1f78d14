#pragma once

#include <memory>
#include <span>

#include "core/file.h"
#include "formats/libhdf5/cell.h"

namespace ckpt::hdf5 {

// What the parent has handed over.
struct Given {
  std::unique_ptr<RandomFile> file;
  std::unique_ptr<RandomFile> request;
  bool may_be_written = false;  // the file
  CellLimits limits;
};

// What is done in the cell. What it throws is the answer.
using Work = void (*)(Given given);

// What the helper is there for: libhdf5 does what the request asks.
void answer_by_libhdf5(Given given);

// The helper's main(): takes up what it is given, starts its heart, shuts itself into the cell, and
// works (hdf5_helper/helper.h). `arguments`: memory in bytes, processor time in seconds. Gives the
// exit status.
int serve(std::span<char* const> arguments, Work work = answer_by_libhdf5);

}  // namespace ckpt::hdf5
