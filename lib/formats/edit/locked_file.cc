#include "formats/edit/locked_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/error.h"
#include "core/text.h"

namespace ckpt {
namespace {

FileStamp stamp_of(const struct stat& status) {
  return {status.st_dev,         status.st_ino,          status.st_size,
          status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_nlink};
}

FileDescriptor open_for(const std::string& path, LockFor purpose) {
  const int access = purpose == LockFor::kWriting ? O_RDWR : O_RDONLY;
  FileDescriptor fd(::open(path.c_str(), access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd) return fd;
  if (errno == ENOENT || errno == ENOTDIR) throw Error(Errc::kNotFound, "no such file");
  if (errno == EISDIR) throw Error(Errc::kIo, "is a directory; a checkpoint file is needed");
  if (purpose == LockFor::kWriting) {
    throw Error(Errc::kWrite, cat("cannot open it for writing: ", error_text(errno)));
  }
  throw Error(Errc::kIo, cat("cannot open it for reading: ", error_text(errno)));
}

}  // namespace

FileDescriptor open_locked(const std::string& path, LockFor purpose) {
  const bool alone = purpose != LockFor::kReading;
  while (true) {
    FileDescriptor fd = open_for(path, purpose);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) throw Error(Errc::kIo, error_text(errno));
    if (!S_ISREG(status.st_mode)) {
      throw Error(Errc::kIo, "is no regular file; checkpoints are read at random places");
    }
    // File systems without locks answer something other than EWOULDBLOCK.
    if (::flock(fd.get(), (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      throw Error(Errc::kIo, alone ? "another program has it open (it holds a lock); try again "
                                     "when that program has closed it"
                                   : "another program has it open for writing (it holds a lock); "
                                     "try again when that program has closed it");
    }
    // Between the two calls another one may have put a new file there.
    const FileStamp there = stamp_of(path);
    if (there.device == status.st_dev && there.inode == status.st_ino) return fd;
  }
}

FileDescriptor reopen_for_writing(int fd) {
  FileDescriptor writable(::open(cat("/proc/self/fd/", fd).c_str(), O_RDWR | O_CLOEXEC));
  if (!writable) {
    throw Error(Errc::kWrite, cat("cannot open it for writing: ", error_text(errno)));
  }
  return writable;
}

FileStamp stamp_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw Error(Errc::kIo, error_text(errno));
  return stamp_of(status);
}

FileStamp stamp_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? stamp_of(status) : FileStamp{};
}

}  // namespace ckpt
