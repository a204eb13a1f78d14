#include "support/faults.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace {

Faults current;
bool is_armed = false;
int calls = 0;

[[noreturn]] void die() {
  while (true) ::syscall(SYS_kill, ::syscall(SYS_getpid), SIGKILL);
}

// Counts a call. True where it must fail, with errno set; `tear` does half of the work first.
template <typename Tear>
bool fails(Tear&& tear) {
  if (!is_armed) return false;
  ++calls;
  const bool is_here = calls == current.at;
  switch (current.kind) {
    case Faults::Kind::kCount:
      return false;
    case Faults::Kind::kKill:
      if (is_here) die();
      return false;
    case Faults::Kind::kTear:
      if (is_here) {
        tear();
        die();
      }
      return false;
    case Faults::Kind::kFail:
    case Faults::Kind::kOnce:
      errno = current.error;
      return current.kind == Faults::Kind::kFail ? calls >= current.at : is_here;
  }
  return false;
}

bool fails() {
  return fails([] {});
}

bool only_kills() {
  return current.kind == Faults::Kind::kFail || current.kind == Faults::Kind::kOnce;
}

}  // namespace

void arm(const Faults& faults) {
  current = faults;
  calls = 0;
  is_armed = true;
}

int disarm() {
  is_armed = false;
  return calls;
}

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  if (fails([&] { ::syscall(SYS_pwrite64, fd, bytes, size / 2, offset); })) return -1;
  return ::syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int fsync(int fd) { return fails() ? -1 : static_cast<int>(::syscall(SYS_fsync, fd)); }

int fdatasync(int fd) { return fails() ? -1 : static_cast<int>(::syscall(SYS_fdatasync, fd)); }

// Files can be cut and names removed whatever the disk: only a kill hits these.
int ftruncate(int fd, off_t size) noexcept {
  if (!only_kills() && fails()) return -1;
  return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  return fails() ? -1 : static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, size));
}

ssize_t copy_file_range(int in, off64_t* in_offset, int out, off64_t* out_offset, size_t size,
                        unsigned flags) {
  const auto half = [&] {
    ::syscall(SYS_copy_file_range, in, in_offset, out, out_offset, size / 2, flags);
  };
  if (fails(half)) return -1;
  return ::syscall(SYS_copy_file_range, in, in_offset, out, out_offset, size, flags);
}

int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  if (fails()) return -1;
  return static_cast<int>(::syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
}

int rename(const char* from, const char* to) noexcept {
  if (fails()) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(const char* path) noexcept {
  if (!only_kills() && fails()) return -1;
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

}  // extern "C"
