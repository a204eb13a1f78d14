#include "formats/libhdf5/cell.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <vector>

#include "formats/hdf5_helper/descriptors.h"

namespace ckpt::hdf5 {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kIsSanitized = true;
#elif defined(__has_feature)
constexpr bool kIsSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kIsSanitized = false;
#endif

// What a build with sanitizers needs beyond the others: numbers for pipes.
constexpr int kSanitizedDescriptors = 32;

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;  // no filter
#endif

// What an argument must be for a call to be allowed: one of `values` in the bits of `mask`. The
// kernel takes descriptors and flags from the lower half of a register, which is looked at.
struct Wanted {
  unsigned argument = 0;
  std::uint32_t mask = 0;
  std::vector<std::uint32_t> values;
};

// A program for the kernel (BPF) that allows what is listed and refuses the rest. What is listed
// first is decided first.
class CallFilter {
 public:
  CallFilter() {
    // Other numbers mean other calls there. 32-bit calls (int 0x80) are of another architecture;
    // those of x32 are of this one, with bit 30 set. None of our code makes such a call.
    load(offsetof(seccomp_data, arch));
    jump(BPF_JEQ, kArchitecture, 1, 0);
    give(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
    if (kArchitecture == AUDIT_ARCH_X86_64) {
      jump(BPF_JGE, 0x40000000, 0, 1);
      give(SECCOMP_RET_KILL_PROCESS);
    }
  }

  void allow(long call) {
    jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 1);
    give(SECCOMP_RET_ALLOW);
  }

  // Where every argument is as wanted; the call is refused otherwise.
  void allow(long call, std::initializer_list<Wanted> wanted) {
    const std::size_t before = program_.size();
    jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 0);
    for (const Wanted& one : wanted) {
      load(offsetof(seccomp_data, args) + one.argument * sizeof(std::uint64_t));
      program_.push_back({BPF_ALU | BPF_AND | BPF_K, 0, 0, one.mask});
      for (std::size_t i = 0; i < one.values.size(); ++i) {
        // Over the other values and what refuses.
        jump(BPF_JEQ, one.values[i], one.values.size() - i, 0);
      }
      refuse();
    }
    give(SECCOMP_RET_ALLOW);
    program_[before].jf = static_cast<std::uint8_t>(program_.size() - before - 1);
  }

  // The failure of the system, or 0. Nothing is allowed from here on but what was listed.
  int install() {
    refuse();
    const sock_fprog filter{static_cast<unsigned short>(program_.size()), program_.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0 ? 0 : errno;
  }

 private:
  void load(std::size_t offset) {
    program_.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)});
  }
  void jump(int test, std::uint32_t k, std::size_t if_so, std::size_t if_not) {
    program_.push_back({static_cast<std::uint16_t>(BPF_JMP | test | BPF_K),
                        static_cast<std::uint8_t>(if_so), static_cast<std::uint8_t>(if_not), k});
  }
  void give(std::uint32_t answer) { program_.push_back({BPF_RET | BPF_K, 0, 0, answer}); }
  // With EPERM and not with death: where a file names another file, libhdf5 tries to open it, and
  // the user is to read that this failed. The filter keeps no state, so a second try is worth no
  // more than the first; and a newer C library that asks for what it can do without goes on.
  void refuse() { give(SECCOMP_RET_ERRNO | EPERM); }

  std::vector<sock_filter> program_;
};

// What the helper calls once it is set up, as strace shows it for its requests (and for what the C
// library does where memory is short or the kernel has no vDSO).
CallFilter needed_calls() {
  CallFilter filter;
  filter.allow(SYS_pread64);
  std::vector<std::uint32_t> ends{kHelperAnswer, kHelperBeat};
  if (kIsSanitized) {
    ends.push_back(STDERR_FILENO);  // /dev/null
    for (auto fd = kHelperBeat + 1; fd < kSanitizedDescriptors; ++fd) {
      ends.push_back(static_cast<std::uint32_t>(fd));
    }
  }
  filter.allow(SYS_write, {{0, UINT32_MAX, ends}});
  // Memory: fresh, and never to be run. A file that is mapped and shared could be written.
  filter.allow(SYS_brk);
  filter.allow(SYS_mmap, {{2, ~std::uint32_t{PROT_READ | PROT_WRITE}, {0}},
                          {3, MAP_ANONYMOUS, {MAP_ANONYMOUS}}});
  filter.allow(SYS_munmap);
  filter.allow(SYS_mremap);
  filter.allow(SYS_close);
  filter.allow(SYS_rt_sigreturn);  // from the heartbeat's handler
  // Nobody waits here; std::call_once wakes whoever does.
  filter.allow(SYS_futex, {{1, 0x7f, {1 /* FUTEX_WAKE */}}});
  filter.allow(SYS_clock_gettime);
#ifdef SYS_time
  filter.allow(SYS_time);
#endif
  filter.allow(SYS_exit_group);
  if (kIsSanitized) {
    // The address sanitizer's allocator gives memory back, guards it, waits for its locks and asks
    // who it is; the other one learns whether memory is there by writing it into a pipe of its own.
    filter.allow(SYS_madvise);
    filter.allow(SYS_mprotect, {{2, ~std::uint32_t{PROT_READ | PROT_WRITE}, {0}}});
    filter.allow(SYS_sched_yield);
    filter.allow(SYS_getpid);
    filter.allow(SYS_gettid);
    filter.allow(SYS_pipe2);
    filter.allow(SYS_sigaltstack);  // it asks for its stack where an exception is thrown
  }
  return filter;
}

// A caller's own limit may be lower already.
bool set_limit(__rlimit_resource what, std::uint64_t most) {
  rlimit limit{};
  if (::getrlimit(what, &limit) != 0) return false;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, most);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, limit.rlim_max);
  return ::setrlimit(what, &limit) == 0;
}

bool set_limits(const CellLimits& limits) {
  // The sanitizer reserves terabytes of addresses.
  const bool has_memory_limit = kIsSanitized || set_limit(RLIMIT_AS, limits.memory);
  return has_memory_limit && set_limit(RLIMIT_CPU, limits.seconds) && set_limit(RLIMIT_CORE, 0) &&
         set_limit(RLIMIT_FSIZE, 0) &&
         set_limit(RLIMIT_NOFILE, kIsSanitized ? kSanitizedDescriptors : 0) &&
         set_limit(RLIMIT_NPROC, 0);
}

}  // namespace

std::optional<Cell> close_cell(const CellLimits& limits) {
  if (!set_limits(limits)) return std::nullopt;
  if (kArchitecture == 0) return Cell::kUnfiltered;
  const int failure = needed_calls().install();
  if (failure == 0) return Cell::kClosed;
  // A kernel without seccomp is no reason to refuse the work; the user is told.
  if (failure == EINVAL || failure == ENOSYS) return Cell::kUnfiltered;
  return std::nullopt;
}

}  // namespace ckpt::hdf5
