#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "formats/libhdf5/serve.h"

// A helper in which somebody else's code has taken over: it sets itself up as the real one does, by
// the same code, and then tries to get out. Started in its place by tests/formats/cell_test.cc.
// What it does is in the file `mode` in its folder; without one it tries every call that opens,
// writes, starts, signals or changes something and answers with a line for each.
namespace {

using ckpt::Errc;
using ckpt::Error;

std::string folder;
std::string report;
pid_t neighbour = -1;  // a process that is there to be signalled

// A file of the folder.
std::string in_folder(const char* name) { return ckpt::cat(folder, "/", name); }

void note(std::string_view what, long result) {
  const int error = errno;
  report += ckpt::cat(what, ": ", result == -1 ? ::strerrorname_np(error) : "done", "\n");
}

template <class... Arguments>
void attempt(std::string_view what, long number, Arguments... arguments) {
  note(what, ::syscall(number, arguments...));
}

// A call that gives a child where it gets through.
template <class... Arguments>
void attempt_child(std::string_view what, long number, Arguments... arguments) {
  const long pid = ::syscall(number, arguments...);
  if (pid == 0) ::_exit(0);
  note(what, pid);
}

void attack_paths() {
  const std::string victim = in_folder("victim");
  const std::string made = in_folder("made");
  const char* old = victim.c_str();
  const char* fresh = made.c_str();
  const int here = AT_FDCWD;
  std::array<char, 64> buffer{};
#ifdef SYS_open
  attempt("open", SYS_open, "/etc/passwd", O_RDONLY);
  attempt("open to write", SYS_open, old, O_RDWR);
  attempt("creat", SYS_creat, fresh, 0600);
  attempt("rename", SYS_rename, old, fresh);
  attempt("unlink", SYS_unlink, old);
  attempt("link", SYS_link, old, fresh);
  attempt("symlink", SYS_symlink, old, fresh);
  attempt("mknod", SYS_mknod, fresh, S_IFIFO | 0600, 0);
  attempt("mkdir", SYS_mkdir, fresh, 0700);
  attempt("rmdir", SYS_rmdir, folder.c_str());
  attempt("chmod", SYS_chmod, old, 0777);
  attempt("chown", SYS_chown, old, 1, 1);
  attempt("lchown", SYS_lchown, old, 1, 1);
  attempt("utimes", SYS_utimes, old, nullptr);
  attempt("stat", SYS_stat, old, nullptr);
  attempt("access", SYS_access, old, R_OK);
  attempt("readlink", SYS_readlink, "/proc/self/exe", buffer.data(), buffer.size());
#endif
  const open_how how{.flags = O_RDONLY, .mode = 0, .resolve = 0};
  attempt("openat", SYS_openat, here, "/etc/passwd", O_RDONLY);
  attempt("openat to make a file", SYS_openat, here, fresh, O_CREAT | O_WRONLY, 0600);
  attempt("openat of the file again", SYS_openat, here, "/proc/self/fd/3", O_RDWR);
  attempt("openat2", SYS_openat2, here, "/etc/passwd", &how, sizeof(how));
  attempt("open_by_handle_at", SYS_open_by_handle_at, here, &how, O_RDONLY);
  attempt("name_to_handle_at", SYS_name_to_handle_at, here, old, &how, &how, 0);
#ifdef SYS_renameat
  attempt("renameat", SYS_renameat, here, old, here, fresh);
#endif
  attempt("renameat2", SYS_renameat2, here, old, here, fresh, 0);
  attempt("unlinkat", SYS_unlinkat, here, old, 0);
  attempt("linkat", SYS_linkat, here, old, here, fresh, 0);
  attempt("symlinkat", SYS_symlinkat, old, here, fresh);
  attempt("mknodat", SYS_mknodat, here, fresh, S_IFIFO | 0600, 0);
  attempt("mkdirat", SYS_mkdirat, here, fresh, 0700);
  attempt("fchmodat", SYS_fchmodat, here, old, 0777);
  attempt("fchownat", SYS_fchownat, here, old, 1, 1, 0);
  attempt("utimensat", SYS_utimensat, here, old, nullptr, 0);
  attempt("truncate", SYS_truncate, old, 1);
  attempt("setxattr", SYS_setxattr, old, "user.made", "1", 1, 0);
  attempt("lsetxattr", SYS_lsetxattr, old, "user.made", "1", 1, 0);
  attempt("removexattr", SYS_removexattr, old, "user.made");
  attempt("statx", SYS_statx, here, old, 0, 0, nullptr);
  attempt("chdir", SYS_chdir, folder.c_str());
  attempt("chroot", SYS_chroot, folder.c_str());
  attempt("mount", SYS_mount, "none", folder.c_str(), "no-such-type", 0, nullptr);
  attempt("umount2", SYS_umount2, in_folder("no-mount").c_str(), 0);
  attempt("inotify_add_watch", SYS_inotify_add_watch, 3, old, 1);
  attempt("acct", SYS_acct, in_folder("no-file").c_str());
  attempt("swapon", SYS_swapon, in_folder("no-file").c_str(), 0);
}

void attack_file() {
  char byte = '!';
  const iovec vector{&byte, 1};
  off_t zero = 0;
  attempt("write", SYS_write, 3, &byte, 1);
  attempt("write to the request", SYS_write, 4, &byte, 1);
  attempt("writev", SYS_writev, 3, &vector, 1);
  attempt("pwrite64", SYS_pwrite64, 3, &byte, 1, 0);
  attempt("pwritev", SYS_pwritev, 3, &vector, 1, 0, 0);
  attempt("pwritev2", SYS_pwritev2, 3, &vector, 1, 0, 0, 0);
  attempt("sendfile", SYS_sendfile, 3, 4, &zero, 1);
  attempt("copy_file_range", SYS_copy_file_range, 4, &zero, 3, &zero, 1, 0);
  attempt("splice", SYS_splice, 3, &zero, 6, nullptr, 1, 0);
  attempt("tee", SYS_tee, 5, 6, 1, 0);
  attempt("vmsplice", SYS_vmsplice, 6, &vector, 1, 0);
  attempt("ftruncate", SYS_ftruncate, 3, 1);
  attempt("fallocate", SYS_fallocate, 3, 0, 0, 1 << 20);
  attempt("fchmod", SYS_fchmod, 3, 0777);
  attempt("fchown", SYS_fchown, 3, 1, 1);
  attempt("fsetxattr", SYS_fsetxattr, 3, "user.made", "1", 1, 0);
  attempt("fremovexattr", SYS_fremovexattr, 3, "user.made");
  attempt("flock", SYS_flock, 3, 5);
  attempt("ioctl", SYS_ioctl, 3, 0x541b, &zero);
  attempt("fsync", SYS_fsync, 3);
  attempt("sync_file_range", SYS_sync_file_range, 3, 0, 0, 0);
  attempt("fcntl F_SETFL", SYS_fcntl, 3, F_SETFL, O_NOATIME);
  attempt("fcntl F_DUPFD", SYS_fcntl, 3, F_DUPFD, 0);
  attempt("fcntl F_SETLEASE", SYS_fcntl, 3, F_SETLEASE, F_UNLCK);
  attempt("fcntl F_SETOWN", SYS_fcntl, 5, F_SETOWN, neighbour);
  attempt("dup", SYS_dup, 3);
#ifdef SYS_dup2
  attempt("dup2", SYS_dup2, 4, 3);
#endif
  attempt("dup3", SYS_dup3, 4, 3, 0);
  attempt("mmap of the file, shared", SYS_mmap, nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
          3, 0);
  attempt("mmap of the file, to read", SYS_mmap, nullptr, 4096, PROT_READ, MAP_PRIVATE, 3, 0);
  attempt("remap_file_pages", SYS_remap_file_pages, folder.data(), 0, 0, 0, 0);
}

void attack_memory() {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw Error(Errc::kIo, "the cell has no memory");
  attempt("mmap to be run", SYS_mmap, nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  attempt("mprotect to be run", SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC);
  attempt("pkey_mprotect", SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1);
  attempt("mlock", SYS_mlock, page, 4096);
  attempt("process_vm_readv", SYS_process_vm_readv, neighbour, nullptr, 0, nullptr, 0, 0);
  attempt("process_vm_writev", SYS_process_vm_writev, neighbour, nullptr, 0, nullptr, 0, 0);
  attempt("process_madvise", SYS_process_madvise, -1, nullptr, 0, 0, 0);
  attempt("userfaultfd", SYS_userfaultfd, 0);
  attempt("memfd_create", SYS_memfd_create, "made", 0);
  attempt("shmget", SYS_shmget, 0, 4096, 01600);
  attempt("shmat", SYS_shmat, -1, nullptr, 0);
  attempt("semget", SYS_semget, 0, 1, 01600);
  attempt("msgget", SYS_msgget, 0, 01600);
  attempt("mq_open", SYS_mq_open, "made", O_CREAT | O_RDWR, 0600, nullptr);
}

void attack_processes() {
  attempt("kill", SYS_kill, neighbour, SIGTERM);
  attempt("kill of the parent", SYS_kill, ::syscall(SYS_getppid), 0);
  attempt("tkill", SYS_tkill, neighbour, SIGTERM);
  attempt("tgkill", SYS_tgkill, neighbour, neighbour, SIGTERM);
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  attempt("rt_sigqueueinfo", SYS_rt_sigqueueinfo, neighbour, SIGTERM, &info);
  attempt("rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, neighbour, neighbour, SIGTERM, &info);
  attempt("pidfd_open", SYS_pidfd_open, neighbour, 0);
  attempt("pidfd_send_signal", SYS_pidfd_send_signal, 3, SIGTERM, nullptr, 0);
  attempt("pidfd_getfd", SYS_pidfd_getfd, 3, 0, 0);
  attempt("ptrace", SYS_ptrace, 0x4206 /* PTRACE_SEIZE */, neighbour, 0, 0);
  attempt("kcmp", SYS_kcmp, neighbour, neighbour, 0, 0, 0);
#ifdef SYS_fork
  attempt_child("fork", SYS_fork);
  const pid_t shared = ::vfork();
  if (shared == 0) ::_exit(0);
  note("vfork", shared);
#endif
  attempt_child("clone", SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  std::array<std::uint64_t, 8> how{};
  how[4] = SIGCHLD;
  attempt_child("clone3", SYS_clone3, how.data(), sizeof(how));
  attempt("unshare", SYS_unshare, CLONE_FILES);
  attempt("setns", SYS_setns, 3, 0);
}

void attack_powers() {
  const rlimit limit{100, 100};
  attempt("setrlimit", SYS_setrlimit, RLIMIT_NOFILE, &limit);
  attempt("prlimit64", SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, nullptr);
  attempt("prctl", SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
  attempt("seccomp", SYS_seccomp, 2 /* SECCOMP_GET_ACTION_AVAIL */, 0, nullptr);
  attempt("setuid", SYS_setuid, ::getuid());
  attempt("setgid", SYS_setgid, 0);
  attempt("setresuid", SYS_setresuid, -1, -1, -1);
  attempt("setgroups", SYS_setgroups, 0, nullptr);
  attempt("capset", SYS_capset, nullptr, nullptr);
  attempt("personality", SYS_personality, 0xffffffff);
  attempt("setsid", SYS_setsid);
  attempt("setpgid", SYS_setpgid, 0, 0);
  attempt("setpriority", SYS_setpriority, PRIO_PROCESS, 0, 0);
  attempt("sched_setaffinity", SYS_sched_setaffinity, 0, 0, nullptr);
  attempt("setitimer", SYS_setitimer, 0, nullptr, nullptr);
  attempt("timer_create", SYS_timer_create, 0, nullptr, nullptr);
  attempt("rt_sigaction", SYS_rt_sigaction, SIGALRM, nullptr, nullptr, 8);
  attempt("rt_sigprocmask", SYS_rt_sigprocmask, SIG_BLOCK, nullptr, nullptr, 8);
  attempt("bpf", SYS_bpf, 5 /* BPF_PROG_LOAD */, nullptr, 0);
  attempt("perf_event_open", SYS_perf_event_open, nullptr, 0, -1, -1, 0);
  attempt("keyctl", SYS_keyctl, 0, -3, 0);
  attempt("add_key", SYS_add_key, "user", "made", "1", 1, -2);
  attempt("request_key", SYS_request_key, "user", "made", nullptr, 0);
  attempt("init_module", SYS_init_module, nullptr, 0, "");
  attempt("finit_module", SYS_finit_module, 3, "", 0);
  attempt("reboot", SYS_reboot, 0, 0, 0, nullptr);
  attempt("settimeofday", SYS_settimeofday, nullptr, nullptr);
  attempt("clock_settime", SYS_clock_settime, 100, nullptr);
  attempt("syslog", SYS_syslog, 10, nullptr, 0);
#ifdef SYS_iopl
  attempt("iopl", SYS_iopl, 0);
  attempt("ioperm", SYS_ioperm, 0, 0, 0);
  attempt("modify_ldt", SYS_modify_ldt, 0, nullptr, 0);
  std::uint64_t base = 0;
  attempt("arch_prctl", SYS_arch_prctl, 0x1004 /* ARCH_GET_GS */, &base);
#endif
}

void attack_descriptors() {
  io_uring_params ring{};
  attempt("io_uring_setup", SYS_io_uring_setup, 4, &ring);
  attempt("io_uring_enter", SYS_io_uring_enter, 3, 0, 0, 0, nullptr, 0);
  attempt("io_uring_register", SYS_io_uring_register, 3, 0, nullptr, 0);
  attempt("socket", SYS_socket, AF_INET, SOCK_STREAM, 0);
  attempt("socket of this machine", SYS_socket, AF_UNIX, SOCK_DGRAM, 0);
  std::array<int, 2> ends{};
  attempt("socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends.data());
  attempt("connect", SYS_connect, 3, nullptr, 0);
  attempt("bind", SYS_bind, 3, nullptr, 0);
  attempt("sendto", SYS_sendto, 3, nullptr, 0, 0, nullptr, 0);
  attempt("sendmsg", SYS_sendmsg, 3, nullptr, 0);
  attempt("recvmsg", SYS_recvmsg, 3, nullptr, 0);
  attempt("pipe2", SYS_pipe2, ends.data(), 0);
  attempt("eventfd2", SYS_eventfd2, 0, 0);
  attempt("epoll_create1", SYS_epoll_create1, 0);
  attempt("timerfd_create", SYS_timerfd_create, 0, 0);
  attempt("inotify_init1", SYS_inotify_init1, 0);
  attempt("fanotify_init", SYS_fanotify_init, 0, 0);
  attempt("getdents64", SYS_getdents64, 3, nullptr, 0);
}

void attack_by_starting() {
  std::string program = "/bin/true";
  std::array<char*, 2> arguments{program.data(), nullptr};
  attempt("execveat", SYS_execveat, AT_FDCWD, program.c_str(), arguments.data(), nullptr, 0);
  attempt("execve", SYS_execve, program.c_str(), arguments.data(), nullptr);
}

// What the file's descriptor allows where no filter holds it.
void try_descriptor() {
  char byte = '!';
  for (const int fd : {3, 4}) {
    note(ckpt::cat("outside, pwrite64 to ", fd), ::pwrite(fd, &byte, 1, 0));
    note(ckpt::cat("outside, ftruncate of ", fd), ::ftruncate(fd, 1));
    const void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    note(ckpt::cat("outside, mmap of ", fd), page == MAP_FAILED ? -1 : 0);
  }
}

// A process that does nothing and is gone with this one.
pid_t start_neighbour() {
  const pid_t here = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != here) ::_exit(0);
  for (int fd = 0; fd < 16; ++fd) ::close(fd);
  while (true) ::pause();
}

void attack(ckpt::hdf5::Given /*given*/) {
  attack_paths();
  attack_file();
  attack_memory();
  attack_processes();
  attack_powers();
  attack_descriptors();
  attack_by_starting();
  throw Error(Errc::kCorrupt, report);
}

void call_32_bit(ckpt::hdf5::Given /*given*/) {
#ifdef __x86_64__
  long result = 20;  // getpid
  asm volatile("int $0x80" : "+a"(result) : : "memory");
  throw Error(Errc::kCorrupt, ckpt::cat("a 32-bit call gave ", result));
#endif
}

void call_x32(ckpt::hdf5::Given /*given*/) {
  const long result = ::syscall(0x40000000 + SYS_getpid);
  throw Error(Errc::kCorrupt, ckpt::cat("an x32 call gave ", result, ", errno ", errno));
}

// Works for three seconds.
void work_long(ckpt::hdf5::Given /*given*/) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (std::chrono::steady_clock::now() < end) {
  }
  throw Error(Errc::kCorrupt, "worked for three seconds");
}

void work_for_ever(ckpt::hdf5::Given /*given*/) {
  while (true) [[maybe_unused]] volatile int work = 0;
}

void abort_at_once(ckpt::hdf5::Given /*given*/) { std::abort(); }

}  // namespace

int main(int argc, char** argv) {
  const std::string own = argv[0];
  folder = own.substr(0, own.rfind('/'));
  std::string mode;
  std::ifstream(in_folder("mode")) >> mode;
  // Where somebody looks for this process.
  std::ofstream(in_folder("pid.new")) << ::getpid();
  std::rename(in_folder("pid.new").c_str(), in_folder("pid").c_str());
  ckpt::hdf5::Work work = attack;
  if (mode == "int80") work = call_32_bit;
  if (mode == "x32") work = call_x32;
  if (mode == "long") work = work_long;
  if (mode == "for_ever") work = work_for_ever;
  if (mode == "abort") work = abort_at_once;
  if (mode == "stopped") ::raise(SIGSTOP);
  if (mode.empty()) {
    try_descriptor();
    neighbour = start_neighbour();
  }
  const auto arguments = std::span(argv, static_cast<std::size_t>(argc)).subspan(1);
  ::_exit(ckpt::hdf5::serve(arguments, work));
}
