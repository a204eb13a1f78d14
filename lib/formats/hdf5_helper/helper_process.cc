#include "formats/hdf5_helper/helper_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <utility>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5_helper/descriptors.h"

namespace ckpt::hdf5 {
namespace {

class SpawnActions {
 public:
  SpawnActions() {
    if (::posix_spawn_file_actions_init(&actions_) != 0) throw std::bad_alloc();
  }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  [[nodiscard]] posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class SpawnAttributes {
 public:
  SpawnAttributes() {
    if (::posix_spawnattr_init(&attributes_) != 0) throw std::bad_alloc();
    // A caller's blocked or ignored signals are none of the helper's.
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

// A copy with a high number, so that no dup2 for the helper overwrites what another one needs.
FileDescriptor high_copy(int fd) {
  FileDescriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 16));
  if (!copy) throw Error(Errc::kIo, cat("cannot start a helper: ", error_text(errno)));
  return copy;
}

// The same file, open for reading alone. Where there is no /proc to open it again by, or it may not
// be read any more, it is handed over as it is: the helper then works only where its filter allows
// no writing to it (libhdf5/serve.cc).
FileDescriptor for_reading(int fd) {
  if ((::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) return high_copy(fd);
  const FileDescriptor reading(
      ::open(cat("/proc/self/fd/", fd).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  return high_copy(reading ? reading.get() : fd);
}

}  // namespace

HelperProcess::HelperProcess(const HelperProgram& program, std::vector<std::string> arguments,
                             const HelperDescriptors& descriptors) {
  const std::array<std::pair<FileDescriptor, int>, 4> handed{
      std::pair(for_reading(descriptors.file), kHelperFile),
      std::pair(for_reading(descriptors.request), kHelperRequest),
      std::pair(high_copy(descriptors.answer), kHelperAnswer),
      std::pair(high_copy(descriptors.beat), kHelperBeat)};
  SpawnActions actions;
  for (const int standard : {0, 1, 2}) {
    ::posix_spawn_file_actions_addopen(actions.get(), standard, "/dev/null", O_RDWR, 0);
  }
  for (const auto& [fd, number] : handed) {
    ::posix_spawn_file_actions_adddup2(actions.get(), fd.get(), number);
  }
  std::string path = program.path;
  FileDescriptor file;
  if (program.file) {
    file = high_copy(program.file.get());
    path = cat("/proc/self/fd/", kHelperProgram);
    ::posix_spawn_file_actions_adddup2(actions.get(), file.get(), kHelperProgram);
    // Nothing that lies where the command was called means anything to it.
    ::posix_spawn_file_actions_addchdir_np(actions.get(), "/");
  }
  ::posix_spawn_file_actions_addclosefrom_np(actions.get(),
                                             file ? kHelperProgram + 1 : kHelperProgram);
  const SpawnAttributes attributes;
  arguments.insert(arguments.begin(), program.path);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  // An empty environment: nothing of the caller's can lead libhdf5 or the loader elsewhere.
  std::array<char*, 1> environment{nullptr};
  const int failure = ::posix_spawn(&pid_, path.c_str(), actions.get(), attributes.get(),
                                    argv.data(), environment.data());
  if (failure != 0) {
    pid_ = -1;
    const auto code = failure == ENOENT ? Errc::kNotFound : Errc::kIo;
    throw Error(code, cat("cannot start the helper program ", escape(program.path), ": ",
                          error_text(failure)));
  }
}

HelperProcess::~HelperProcess() {
  if (pid_ > 0) end();
}

std::optional<int> HelperProcess::end() {
  int status = 0;
  pid_t got = ::waitpid(pid_, &status, WNOHANG);
  // One that is ending already keeps the status it ends with.
  if (got == 0) ::kill(pid_, SIGKILL);
  while (got == 0 || (got < 0 && errno == EINTR)) got = ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return got < 0 ? std::nullopt : std::optional(status);
}

std::string ending(int status) {
  if (WIFEXITED(status)) return cat("ended with status ", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  if (signal == SIGXCPU) return "took too much processor time";
  const char* words = ::sigdescr_np(signal);
  return cat("was ended by signal ", signal, " (", words == nullptr ? "unknown" : words, ")");
}

}  // namespace ckpt::hdf5
