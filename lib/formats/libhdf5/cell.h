#pragma once

#include <cstdint>
#include <optional>

#include "formats/hdf5_helper/message.h"

namespace ckpt::hdf5 {

// What a process in the cell may take.
struct CellLimits {
  std::uint64_t memory = 0;   // bytes of addresses
  std::uint64_t seconds = 0;  // of the processor
};

// Shuts this process, which works on hostile files, into a cell for good. An HDF5 file can name
// other files, libhdf5 has no switch against opening them, and who finds a fault in libhdf5 runs
// code of his own here. Two walls, which a test attacks from inside
// (tests/cell_attack/main.cc):
//
//  - limits: no new descriptor, no new process (but root's), not a byte into a file, no core file.
//    They keep files from being opened and written, not from being renamed;
//  - a list of the system calls that are needed from here on, all that there are: to read what is
//    open, to write the answer and the heartbeat, to have memory, to end. Where a call can do more
//    than it is needed for, its arguments are looked at. cell.cc has the list.
//
// The heartbeat is started and every file opened before. Tells what the cell is made of; empty
// where not even the limits could be set. REQUIRES: this process has one thread.
std::optional<Cell> close_cell(const CellLimits& limits);

}  // namespace ckpt::hdf5
