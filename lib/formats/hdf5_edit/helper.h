#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "formats/hdf5_edit/operation.h"

namespace ckpt::hdf5 {

// libhdf5 in a process of its own. The program `ckpt-h5edit` is started (posix_spawn, since a
// caller may have threads) with the file open for reading as descriptor 3, the operations in a
// sealed piece of memory as descriptor 4, and a pipe for the outcome as descriptor 5. It limits its
// memory, its processor time and what it may write to nothing, forbids itself to open, to connect
// or to start anything, and then lets libhdf5 work on an overlay. Whatever libhdf5 does there, the
// file is untouched, and this process gets an Error.

struct HelperOptions {
  std::string program;  // empty: find_helper()
  std::chrono::milliseconds time{600'000};
  std::uint64_t memory = std::uint64_t{8} << 30U;
};

// The program, where it is: beside the running program in a folder libexec/ckpt, in ../libexec/ckpt
// as seen from there (an installation that was moved, a build tree), or where this library was
// configured to be installed. Throws Error(kNotFound), naming all three.
std::string find_helper();

// Lets the helper carry out `operations` on the file of `fd`. The patch is whole and in order, and
// fits the file; what it means is not checked.
// Throws Error: kCorrupt with libhdf5's words where it could not; kCorrupt where the helper
// crashed, took too long or too much memory, or answered nonsense; kNotFound where there is no
// helper.
Outcome run_helper(int fd, std::span<const Operation> operations, const HelperOptions& options);

// The helper's main(). `arguments`: memory in bytes, processor time in seconds.
int serve_edit(std::span<char* const> arguments);

}  // namespace ckpt::hdf5
