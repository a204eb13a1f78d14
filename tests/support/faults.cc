#include "support/faults.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "support/calls.h"

namespace {

[[noreturn]] void die() {
  while (true) ::syscall(SYS_kill, ::syscall(SYS_getpid), SIGKILL);
}

// Half of the work of a write.
void tear(const Call& call) {
  auto from = static_cast<off64_t>(call.from_offset);
  auto to = static_cast<off64_t>(call.offset);
  if (call.kind == Call::Kind::kCopy) {
    ::syscall(SYS_copy_file_range, call.from, &from, call.fd, &to, call.size / 2, 0);
  }
  if (call.kind == Call::Kind::kWrite) {
    ::syscall(SYS_pwrite64, call.fd, call.bytes, call.size / 2, call.offset);
  }
}

// Files can be cut and names removed whatever the disk: only a kill hits these.
bool is_safe(Call::Kind kind) {
  return kind == Call::Kind::kSetSize || kind == Call::Kind::kUnlink;
}

class FaultHook final : public CallHook {
 public:
  Faults faults;
  int calls = 0;

  Verdict before(const Call& call) override {
    if (!is_write_like(call.kind)) return Verdict::kGo;
    const bool is_failing =
        faults.kind == Faults::Kind::kFail || faults.kind == Faults::Kind::kOnce;
    if (is_failing && is_safe(call.kind)) return Verdict::kGo;
    ++calls;
    const bool is_here = calls == faults.at;
    switch (faults.kind) {
      case Faults::Kind::kCount:
        break;
      case Faults::Kind::kTear:
        if (is_here) tear(call);
        [[fallthrough]];
      case Faults::Kind::kKill:
        if (is_here) die();
        break;
      case Faults::Kind::kFail:
      case Faults::Kind::kOnce:
        errno = faults.error;
        if (faults.kind == Faults::Kind::kFail ? calls >= faults.at : is_here) {
          return Verdict::kFail;
        }
    }
    const bool is_flush = call.kind == Call::Kind::kFlush || call.kind == Call::Kind::kFlushData;
    return is_flush && !faults.is_flushed ? Verdict::kSkip : Verdict::kGo;
  }
};

FaultHook hook;

}  // namespace

void arm(const Faults& faults) {
  hook.faults = faults;
  hook.calls = 0;
  set_call_hook(&hook);
}

int disarm() {
  set_call_hook(nullptr);
  return hook.calls;
}
