#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "formats/hdf5_helper/message.h"

namespace ckpt::hdf5 {

// libhdf5 in a process of its own; this library does not link with it. The program
// `ckpt-hdf5-helper` is started (posix_spawn, since a caller may have threads) with the file open
// for reading as descriptor 3, the request in a piece of memory as descriptor 4, and a pipe for the
// answer as descriptor 5. It limits its memory, its processor time and what it may write to
// nothing, forbids itself to open, to connect or to start anything, and then lets libhdf5 work on
// an overlay. Whatever libhdf5 does there, the file is untouched, and this process gets an Error.

struct HelperOptions {
  std::string program;  // empty: find_helper()
  std::chrono::milliseconds time{600'000};
  std::uint64_t memory = std::uint64_t{8} << 30U;
};

// The program, where it is: beside the running program in a folder libexec/ckpt, in ../libexec/ckpt
// as seen from there (an installation that was moved, a build tree), or where this library was
// configured to be installed. Throws Error(kNotFound), naming all three.
std::string find_helper();

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
