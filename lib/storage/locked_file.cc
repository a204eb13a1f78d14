#include "storage/locked_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "core/error.h"
#include "core/text.h"

namespace ckpt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Wait kPause{10};
constexpr std::string_view kHasLock = " (it holds a lock)";

FileStamp stamp_from(const struct stat& status) {
  return {status.st_dev,  status.st_ino,  status.st_size,
          status.st_mtim, status.st_ctim, status.st_nlink};
}

bool is_same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// O_NONBLOCK, so that a FIFO given by mistake is answered instead of waited for.
FileDescriptor open_for_reading(const std::string& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd) return fd;
  if (errno == ENOENT || errno == ENOTDIR) throw Error(Errc::kNotFound, "no such file");
  throw Error(Errc::kIo, cat("cannot open it for reading: ", error_text(errno)));
}

void check_is_regular(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw Error(Errc::kIo, error_text(errno));
  if (S_ISDIR(status.st_mode)) {
    throw Error(Errc::kIo, "is a directory; a checkpoint file is needed");
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(Errc::kIo,
                "is a pipe or a device; a regular file is needed, since checkpoints are "
                "read at random places");
  }
}

std::string words_of(Wait wait) {
  return wait.count() % 1000 == 0 ? cat(wait.count() / 1000, " s") : cat(wait.count(), " ms");
}

[[noreturn]] void refuse_reading() {
  throw Error(Errc::kIo,
              "another program has it open for writing (it holds a lock); try again "
              "when that program has closed it");
}

[[noreturn]] void refuse_changing(std::string_view seen, Wait wait) {
  throw Error(Errc::kWrite, cat("another program has it open", seen,
                                wait > Wait::zero() ? cat(", still after ", words_of(wait)) : "",
                                "; try again when that program has closed it"));
}

// False where the time is up. File systems without locks answer something other than EWOULDBLOCK.
bool take_lock(int fd, bool alone, Clock::time_point deadline) {
  while (::flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

// A lease is granted only on a file that nobody has open for writing. It is given back at once,
// since it is the question that matters. Who opens the file meanwhile is held up until then, and
// the kernel tells of that by a signal, which must be one that ends nobody. Systems that have no
// leases, and files of other users, answer otherwise than EAGAIN: then nothing is known.
bool has_writer(int fd) {
  ::fcntl(fd, F_SETSIG, SIGURG);
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  ::fcntl(fd, F_SETLEASE, F_UNLCK);
  return false;
}

// False where the time is up. One that has just written the file anew, as another edit has, may be
// about to close it.
bool await_no_writer(int fd, Clock::time_point deadline) {
  while (has_writer(fd)) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

void check_may_be_written(int fd) {
  const std::string self = cat("/proc/self/fd/", fd);
  if (::faccessat(AT_FDCWD, self.c_str(), W_OK, AT_EACCESS) != 0 && errno != ENOENT) {
    throw Error(Errc::kWrite, cat("may not be written: ", error_text(errno)));
  }
}

void lock_for_writing(int fd, bool alone, Clock::time_point deadline, Wait wait) {
  check_may_be_written(fd);
  if (!take_lock(fd, alone, deadline)) refuse_changing(kHasLock, wait);
  if (!await_no_writer(fd, deadline)) refuse_changing(" for writing", wait);
}

}  // namespace

bool operator==(const FileStamp& a, const FileStamp& b) {
  return is_same_file(a, b) && a.size == b.size && is_same_time(a.modified, b.modified) &&
         is_same_time(a.changed, b.changed) && a.links == b.links;
}

bool is_same_file(const FileStamp& a, const FileStamp& b) {
  return a.device == b.device && a.inode == b.inode;
}

FileStamp stamp_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw Error(Errc::kIo, error_text(errno));
  return stamp_from(status);
}

FileStamp stamp_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? stamp_from(status) : FileStamp{};
}

bool is_symlink(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr),
                                                        std::free);
  return resolved ? std::string(resolved.get()) : path;
}

LockedFile::LockedFile(const std::string& path, LockFor purpose, Wait wait)
    : path_(real_path(path)) {
  const bool alone = purpose == LockFor::kChanging;
  const bool writes = alone || purpose == LockFor::kGrowing;
  const auto deadline = Clock::now() + wait;
  do {
    fd_ = open_for_reading(path_);
    check_is_regular(fd_.get());
    if (writes) {
      lock_for_writing(fd_.get(), alone, deadline, wait);
    } else if (!take_lock(fd_.get(), false, deadline)) {
      if (purpose == LockFor::kMending) refuse_changing(kHasLock, wait);
      refuse_reading();
    }
    stamp_ = stamp_of(fd_.get());
  } while (!is_same_file(stamp_, stamp_of(path_)));
}

void LockedFile::lock_alone(Wait wait) const {
  lock_for_writing(fd_.get(), true, Clock::now() + wait, wait);
  check_unchanged();
}

void LockedFile::check_single_name() const {
  if (stamp_.links <= 1) return;
  throw Error(Errc::kWrite,
              cat("has ", stamp_.links - 1,
                  stamp_.links == 2 ? " more name (a hard link)" : " more names (hard links)",
                  ", under which it would change, too; `--how replace` parts it from them, a new "
                  "file leaves it as it is"));
}

void LockedFile::check_unchanged() const { check_same_state(stamp_, stamp_of(path_)); }

void check_same_state(const FileStamp& seen, const FileStamp& now) {
  if (seen == now) return;
  throw Error(Errc::kWrite,
              "was changed by another program while it was edited; nothing was written");
}

FileDescriptor reopen_for_writing(int fd) {
  FileDescriptor writable(::open(cat("/proc/self/fd/", fd).c_str(), O_RDWR | O_CLOEXEC));
  if (!writable) {
    throw Error(Errc::kWrite, cat("cannot open it for writing: ", error_text(errno)));
  }
  return writable;
}

std::unique_ptr<RandomFile> open_file(const std::string& path) {
  FileDescriptor fd = open_for_reading(path);
  check_is_regular(fd.get());
  if (!take_lock(fd.get(), false, Clock::now())) refuse_reading();
  return own_file(std::move(fd));
}

}  // namespace ckpt
