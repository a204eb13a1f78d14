#pragma once

#include <string>

#include "core/system.h"

namespace ckpt {

enum class LockFor { kReading, kReplacing, kWriting };

// Opens the file for what is to be done with it and locks it (flock): shared for reading, else
// alone and at once or not at all. The file is the one at `path` still when the lock is there.
// Throws Error: kNotFound; kIo where it is no regular file, may not be read or is in use; kWrite
// where it may not be written.
FileDescriptor open_locked(const std::string& path, LockFor purpose);

// The file of `fd` once more, for reading and writing; the lock stays `fd`'s.
// Throws Error(kWrite) where it may not be written.
FileDescriptor reopen_for_writing(int fd);

// Is the file of `fd` still at `path`, with the length and the time of change it had when it was
// locked? `seen` is from stamp_of().
struct FileStamp {
  unsigned long device = 0;
  unsigned long inode = 0;
  long long size = 0;
  long long seconds = 0;
  long nanoseconds = 0;
  unsigned long links = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
FileStamp stamp_of(int fd);
FileStamp stamp_of(const std::string& path);  // all zeros where there is nothing

}  // namespace ckpt
