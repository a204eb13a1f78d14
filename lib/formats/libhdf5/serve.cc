#include "formats/libhdf5/serve.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "core/wire.h"
#include "formats/hdf5_helper/message.h"
#include "formats/io/section.h"
#include "formats/libhdf5/lay_out.h"
#include "formats/libhdf5/library_source.h"
#include "formats/libhdf5/perform.h"

namespace ckpt::hdf5 {
namespace {

constexpr int kFile = 3;
constexpr int kRequest = 4;
constexpr int kAnswer = 5;

// Exit statuses; the parent shows them.
constexpr int kBadUse = 2;
constexpr int kNoLimits = 3;
constexpr int kNoAnswer = 4;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kIsSanitized = true;
#elif defined(__has_feature)
constexpr bool kIsSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kIsSanitized = false;
#endif

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;  // no filter
#endif

// A caller's own limit may be lower already.
bool set_limit(__rlimit_resource what, std::uint64_t most) {
  rlimit limit{};
  if (::getrlimit(what, &limit) != 0) return false;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, most);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, limit.rlim_max);
  return ::setrlimit(what, &limit) == 0;
}

bool set_limits(std::uint64_t memory, std::uint64_t seconds) {
  // The sanitizer reserves terabytes of addresses.
  const bool has_memory_limit = kIsSanitized || set_limit(RLIMIT_AS, memory);
  return has_memory_limit && set_limit(RLIMIT_CPU, seconds) && set_limit(RLIMIT_CORE, 0) &&
         set_limit(RLIMIT_FSIZE, 0);
}

// From here on nothing can be opened, connected to, started, renamed or removed: such calls fail
// with EPERM. An HDF5 file can name other files, and libhdf5 has no switch against opening them.
bool forbid_opening() {
  if (kArchitecture == 0) return true;
  constexpr std::array kForbidden{
#ifdef SYS_open
      SYS_open,
      SYS_creat,
      SYS_rename,
      SYS_unlink,
      SYS_link,
      SYS_symlink,
      SYS_mkdir,
      SYS_rmdir,
      SYS_chmod,
      SYS_chown,
      SYS_fork,
      SYS_vfork,
#endif
      SYS_openat,
      SYS_openat2,
      SYS_execve,
      SYS_execveat,
      SYS_socket,
      SYS_connect,
      SYS_renameat2,
      SYS_unlinkat,
      SYS_linkat,
      SYS_symlinkat,
      SYS_mkdirat,
      SYS_fchmod,
      SYS_fchmodat,
      SYS_fchown,
      SYS_fchownat,
      SYS_truncate,
      SYS_ftruncate,
      SYS_ptrace,
      SYS_pwrite64,
      SYS_pwritev,
      SYS_pwritev2,
      SYS_fallocate,
      SYS_kill,
      SYS_name_to_handle_at,
      SYS_open_by_handle_at,
      SYS_process_vm_writev,
      SYS_bpf,
      SYS_setxattr,
      SYS_fsetxattr,
      SYS_removexattr,
      SYS_fremovexattr,
      SYS_mount,
      SYS_umount2,
  };
  const auto statement = [](unsigned code, std::uint32_t k) {
    return sock_filter{static_cast<std::uint16_t>(code), 0, 0, k};
  };
  const auto jump = [](std::uint32_t k, std::size_t if_so, std::size_t if_not) {
    return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint8_t>(if_so),
                       static_cast<std::uint8_t>(if_not), k};
  };
  std::vector<sock_filter> program;
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  program.push_back(jump(kArchitecture, 1, 0));
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (std::size_t i = 0; i < kForbidden.size(); ++i) {
    // To the last statement, over the remaining comparisons and the one that allows.
    program.push_back(jump(static_cast<std::uint32_t>(kForbidden[i]), kForbidden.size() - i, 0));
  }
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(program.size());
  filter.filter = program.data();
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  // A kernel without seccomp is no reason to refuse the work.
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 || errno == EINVAL;
}

std::optional<std::uint64_t> number_of(const char* text) {
  std::uint64_t number = 0;
  const char* end = text + std::strlen(text);
  const auto result = std::from_chars(text, end, number);
  return result.ec == std::errc() && result.ptr == end ? std::optional(number) : std::nullopt;
}

// Nobody listens any more.
struct NoListener {};

void send(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(kAnswer, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw NoListener();
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void send_number(std::uint64_t number) {
  WireWriter out;
  out.number(number);
  send(out.result());
}

void answer_failure(Errc code, std::string_view sentence) {
  WireWriter out;
  out.number(1);
  out.number(static_cast<std::uint64_t>(code));
  out.text(sentence);
  send(out.result());
}

// Says first that all went well, once there is something to send.
OutcomeWriter begin_outcome() {
  return OutcomeWriter([is_first = true](ByteView bytes) mutable {
    if (std::exchange(is_first, false)) send_number(0);
    send(bytes);
  });
}

void answer_to(const EditRequest& request, std::unique_ptr<RandomFile> file) {
  const Section section(std::move(file), request.offset, request.size);
  OutcomeWriter out = begin_outcome();
  perform(section, request, out);
}

void answer_to(const LayoutRequest& request, std::unique_ptr<RandomFile> /*file*/) {
  OutcomeWriter out = begin_outcome();
  lay_out(request, out);
}

void answer_to(const ReadRequest& request, std::unique_ptr<RandomFile> file) {
  Bytes bytes(static_cast<std::size_t>(request.bytes));
  LibrarySource(*file).read(request.object, request.first, request.count, bytes);
  send_number(0);
  send(bytes);
}

void answer() {
  const auto message = view_file(kRequest);
  Bytes bytes(static_cast<std::size_t>(message->size()));
  message->read_at(0, bytes);
  std::visit([](const auto& request) { answer_to(request, view_file(kFile)); },
             decode_request(bytes));
}

// Answers, with what went wrong if need be.
void answer_in_any_case(std::uint64_t memory) {
  try {
    answer();
  } catch (const Error& e) {
    answer_failure(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    answer_failure(Errc::kUnsupported, cat("libhdf5 needs more than the ", with_commas(memory),
                                           " bytes of memory that it was given"));
  } catch (const std::exception& e) {
    answer_failure(Errc::kCorrupt, e.what());
  }
}

}  // namespace

int serve(std::span<char* const> arguments) {
  const auto memory = arguments.size() == 2 ? number_of(arguments[0]) : std::nullopt;
  const auto seconds = arguments.size() == 2 ? number_of(arguments[1]) : std::nullopt;
  if (!memory || !seconds || ::fcntl(kFile, F_GETFD) < 0 || ::fcntl(kRequest, F_GETFD) < 0 ||
      ::fcntl(kAnswer, F_GETFD) < 0) {
    return kBadUse;
  }
  if (!set_limits(*memory, *seconds) || !forbid_opening()) return kNoLimits;
  try {
    answer_in_any_case(*memory);
  } catch (const NoListener&) {
    return kNoAnswer;
  }
  return 0;
}

}  // namespace ckpt::hdf5
