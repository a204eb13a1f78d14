#pragma once

#include <cstdint>
#include <string>

// The system calls by which files are made, written, named, locked: the test program defines them
// itself, in front of the C library, so that a test can look at each, answer it in the kernel's
// place, or end the process there. Only calls of this process pass; a program that it starts is not
// touched.
struct Call {
  enum class Kind {
    kWrite,         // pwrite
    kFlushData,     // fdatasync
    kFlush,         // fsync
    kSetSize,       // ftruncate
    kReserve,       // fallocate
    kCopy,          // copy_file_range
    kClone,         // ioctl FICLONE
    kCreate,        // open with O_CREAT
    kUnnamed,       // open with O_TMPFILE
    kLink,          // linkat
    kRename,        // rename
    kRenameNew,     // renameat2
    kUnlink,        // unlink
    kSetMode,       // fchmod
    kSetOwner,      // fchown
    kSetAttribute,  // fsetxattr
    kOpen,          // open of what is there
    kLock,          // flock
    kLease,         // fcntl F_SETLEASE
    kPause,         // nanosleep
  };
  Kind kind = Kind::kWrite;
  int fd = -1;    // of what is written, locked or opened
  int from = -1;  // of what is copied
  std::uint64_t from_offset = 0;
  std::string path;             // what is opened, linked, renamed or removed
  std::string to;               // its new name
  int flags = 0;                // of open, flock, and the argument of F_SETLEASE
  const void* bytes = nullptr;  // of a write
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// Does the call change what is on the disk, or see to it that it stays?
bool is_write_like(Call::Kind kind);

// What looks at the calls.
class CallHook {
 public:
  virtual ~CallHook() = default;
  CallHook() = default;
  CallHook(const CallHook&) = delete;
  CallHook& operator=(const CallHook&) = delete;

  enum class Verdict { kGo, kSkip, kFail };
  // kGo: the kernel is asked; kSkip: 0 is the answer; kFail: -1, with errno as it was set here.
  virtual Verdict before(const Call& call) = 0;
  // What the kernel answered, with errno as it is.
  virtual void after(const Call& call, long result) {
    static_cast<void>(call);
    static_cast<void>(result);
  }
};

// From here on `hook` sees the calls; null: none does. Gives the one before. Calls that the hook
// itself makes are not shown to it.
CallHook* set_call_hook(CallHook* hook);

// As long as the object lives.
class HookedCalls {
 public:
  explicit HookedCalls(CallHook& hook) : before_(set_call_hook(&hook)) {}
  ~HookedCalls() { set_call_hook(before_); }
  HookedCalls(const HookedCalls&) = delete;
  HookedCalls& operator=(const HookedCalls&) = delete;

 private:
  CallHook* before_;
};
