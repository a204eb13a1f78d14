#pragma once

#include <sys/stat.h>

#include <string>

#include "core/system.h"

namespace ckpt::hdf5 {

// The program `ckpt-hdf5-helper`, found and looked at: what is started is the very file behind
// `file`, whatever the path leads to by then. Without /proc there is no `file`, and the path is
// what is started.
struct HelperProgram {
  std::string path;
  FileDescriptor file;
};

// The program, where it is: beside the running program in a folder ../libexec/ckpt as seen from
// there (an installation that was moved, a build tree), in libexec/ckpt, or where this library was
// configured to be installed. A file there that somebody else can have planted is passed over.
// Throws Error(kNotFound), naming all three places, and what was wrong with what lies there.
HelperProgram find_helper();

// Why a file may not be run as the helper of the running program; empty where it may. It may where
// it gives nobody a power that he does not have over the running program already:
//
//  - it is a regular file (a link could lead to any program of root's);
//  - it belongs to root or to the owner of the running program;
//  - who may write it may write the running program too. So a build tree under umask 002, or on a
//    file system that shows every file as 0777, works.
std::string why_not_run(const struct stat& helper, const struct stat& running);

}  // namespace ckpt::hdf5
