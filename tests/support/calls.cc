#include "support/calls.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <ctime>

namespace {

CallHook* current_hook = nullptr;
thread_local bool is_in_hook = false;

// Asks the hook, then the kernel.
template <typename Kernel>
long pass(Kernel&& kernel, const Call& call) {
  CallHook* const hook = current_hook;
  if (hook == nullptr || is_in_hook) return kernel();
  is_in_hook = true;
  const auto verdict = hook->before(call);
  long result = verdict == CallHook::Verdict::kFail ? -1 : 0;
  if (verdict == CallHook::Verdict::kGo) {
    result = kernel();
    const int error = errno;
    Call done = call;
    if (done.fd < 0 && result >= 0) done.fd = static_cast<int>(result);
    hook->after(done, result);
    errno = error;
  }
  is_in_hook = false;
  return result;
}

std::string text_of(const char* path) { return path == nullptr ? "" : path; }

Call::Kind kind_of_open(int flags) {
  if ((flags & O_TMPFILE) == O_TMPFILE) return Call::Kind::kUnnamed;
  return (flags & O_CREAT) != 0 ? Call::Kind::kCreate : Call::Kind::kOpen;
}

}  // namespace

bool is_write_like(Call::Kind kind) { return kind < Call::Kind::kOpen; }

CallHook* set_call_hook(CallHook* hook) {
  CallHook* const before = current_hook;
  current_hook = hook;
  return before;
}

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return pass([&] { return ::syscall(SYS_pwrite64, fd, bytes, size, offset); },
              {.kind = Call::Kind::kWrite,
               .fd = fd,
               .bytes = bytes,
               .offset = static_cast<std::uint64_t>(offset),
               .size = size});
}

int fsync(int fd) {
  return static_cast<int>(
      pass([&] { return ::syscall(SYS_fsync, fd); }, {.kind = Call::Kind::kFlush, .fd = fd}));
}

int fdatasync(int fd) {
  return static_cast<int>(pass([&] { return ::syscall(SYS_fdatasync, fd); },
                               {.kind = Call::Kind::kFlushData, .fd = fd}));
}

int ftruncate(int fd, off_t size) noexcept {
  return static_cast<int>(
      pass([&] { return ::syscall(SYS_ftruncate, fd, size); },
           {.kind = Call::Kind::kSetSize, .fd = fd, .size = static_cast<std::uint64_t>(size)}));
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  return static_cast<int>(pass([&] { return ::syscall(SYS_fallocate, fd, mode, offset, size); },
                               {.kind = Call::Kind::kReserve, .fd = fd}));
}

ssize_t copy_file_range(int in, off64_t* in_offset, int out, off64_t* out_offset, size_t size,
                        unsigned flags) {
  return pass(
      [&] { return ::syscall(SYS_copy_file_range, in, in_offset, out, out_offset, size, flags); },
      {.kind = Call::Kind::kCopy,
       .fd = out,
       .from = in,
       .from_offset = in_offset == nullptr ? 0 : static_cast<std::uint64_t>(*in_offset),
       .offset = out_offset == nullptr ? 0 : static_cast<std::uint64_t>(*out_offset),
       .size = size});
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  const auto kernel = [&] { return ::syscall(SYS_ioctl, fd, request, argument); };
  if (request != FICLONE) return static_cast<int>(kernel());
  return static_cast<int>(pass(kernel, {.kind = Call::Kind::kClone, .fd = fd}));
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode =
      (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  return static_cast<int>(
      pass([&] { return ::syscall(SYS_openat, AT_FDCWD, path, flags, mode); },
           {.kind = kind_of_open(flags), .path = text_of(path), .flags = flags}));
}

int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  return static_cast<int>(
      pass([&] { return ::syscall(SYS_linkat, from_folder, from, to_folder, to, flags); },
           {.kind = Call::Kind::kLink, .path = text_of(from), .to = text_of(to)}));
}

int rename(const char* from, const char* to) noexcept {
  return static_cast<int>(
      pass([&] { return ::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0); },
           {.kind = Call::Kind::kRename, .path = text_of(from), .to = text_of(to)}));
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  return static_cast<int>(
      pass([&] { return ::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags); },
           {.kind = Call::Kind::kRenameNew, .path = text_of(from), .to = text_of(to)}));
}

int unlink(const char* path) noexcept {
  return static_cast<int>(pass([&] { return ::syscall(SYS_unlinkat, AT_FDCWD, path, 0); },
                               {.kind = Call::Kind::kUnlink, .path = text_of(path)}));
}

int fchmod(int fd, mode_t mode) noexcept {
  return static_cast<int>(pass([&] { return ::syscall(SYS_fchmod, fd, mode); },
                               {.kind = Call::Kind::kSetMode, .fd = fd}));
}

int fchown(int fd, uid_t user, gid_t group) noexcept {
  return static_cast<int>(pass([&] { return ::syscall(SYS_fchown, fd, user, group); },
                               {.kind = Call::Kind::kSetOwner, .fd = fd}));
}

int fsetxattr(int fd, const char* name, const void* value, size_t size, int flags) noexcept {
  return static_cast<int>(
      pass([&] { return ::syscall(SYS_fsetxattr, fd, name, value, size, flags); },
           {.kind = Call::Kind::kSetAttribute, .fd = fd, .path = text_of(name)}));
}

int flock(int fd, int operation) noexcept {
  return static_cast<int>(pass([&] { return ::syscall(SYS_flock, fd, operation); },
                               {.kind = Call::Kind::kLock, .fd = fd, .flags = operation}));
}

int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  const auto argument = va_arg(arguments, unsigned long);
  va_end(arguments);
  const auto kernel = [&] { return ::syscall(SYS_fcntl, fd, command, argument); };
  if (command != F_SETLEASE) return static_cast<int>(kernel());
  return static_cast<int>(
      pass(kernel, {.kind = Call::Kind::kLease, .fd = fd, .flags = static_cast<int>(argument)}));
}

int nanosleep(const timespec* time, timespec* left) {
  return static_cast<int>(
      pass([&] { return ::syscall(SYS_nanosleep, time, left); }, {.kind = Call::Kind::kPause}));
}

}  // extern "C"
