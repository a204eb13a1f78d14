#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "formats/hdf5_helper/message.h"

namespace ckpt::hdf5 {

// libhdf5 in a process of its own; this library does not link with it. The program
// `ckpt-hdf5-helper` (helper_program.h says which) is started (posix_spawn, since a caller may have
// threads) with the descriptors of descriptors.h: the file and the request, open for reading alone,
// and two pipes, for the answer and for its heartbeat. It shuts itself into a cell
// (libhdf5/cell.h), in which it can open, connect to, start, signal and write nothing, and lets
// libhdf5 work there on an overlay. Whatever libhdf5 does, the file is untouched, and this process
// gets an Error.

struct HelperOptions {
  std::string program = {};  // empty: find_helper(); what is named here is run as it is
  std::chrono::milliseconds time{600'000};
  std::uint64_t memory = std::uint64_t{8} << 30U;
  // A helper whose heart, which beats once a second, is not heard for so long is ended. The time
  // in which this process is stopped itself does not count.
  std::chrono::milliseconds silence{30'000};
};

// Has a helper of this process told that there is no filter of system calls in its cell, because
// this kernel has no seccomp? One answer for all requests, since a user is to be told once.
bool helper_was_unfiltered();

// All of these throw Error: kCorrupt with libhdf5's words where it could not; kCorrupt where the
// helper crashed, took too long or too much memory, or answered nonsense; kNotFound where there is
// no helper.

// An HDF5 file, all of the file of `fd` or a part of it.
struct FilePart {
  int fd = -1;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// Lets libhdf5 carry out the operations of an encoded EditRequest (message.h) on the HDF5 file
// there. The patch is whole and in order, and fits the file; what it means is not checked.
Outcome edit_by_helper(const FilePart& file, Bytes request, const HelperOptions& options);

// Lets libhdf5 lay out a new native file.
Outcome lay_out_by_helper(LayoutRequest request);

// Lets libhdf5 decode elements of a dataset in the file of `fd` into `out`.
void read_by_helper(int fd, std::uint64_t object, std::uint64_t first, std::uint64_t count,
                    std::span<std::byte> out);

}  // namespace ckpt::hdf5
