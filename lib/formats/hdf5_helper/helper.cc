#include "formats/hdf5_helper/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/escape.h"
#include "core/system.h"
#include "core/text.h"
#include "formats/hdf5_helper/helper_folder.h"
#include "storage/raw_file.h"

namespace ckpt::hdf5 {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kProgram = "ckpt-hdf5-helper";
// Descriptors of the helper.
constexpr int kFile = 3;
constexpr int kRequest = 4;
constexpr int kAnswer = 5;

// The program's own path, without a file name; empty where the system does not tell.
std::string own_folder() {
  std::array<char, 4096> path{};
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
  if (n <= 0) return {};
  const std::string_view whole(path.data(), static_cast<std::size_t>(n));
  return std::string(whole.substr(0, whole.rfind('/')));
}

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

// A running helper. Its end is waited for in any case; one that is still at work is killed.
class Child {
 public:
  Child(const std::string& program, std::vector<std::string> arguments, int file, int request,
        int answer) {
    // Copies with high numbers, so that no dup2 below overwrites what another one needs.
    std::array<FileDescriptor, 3> copies;
    const std::array<int, 3> originals{file, request, answer};
    for (std::size_t i = 0; i < copies.size(); ++i) {
      copies[i] = FileDescriptor(::fcntl(originals[i], F_DUPFD_CLOEXEC, 16));
      if (!copies[i]) throw Error(Errc::kIo, cat("cannot start a helper: ", error_text(errno)));
    }
    SpawnActions actions;
    for (const int standard : {0, 1, 2}) {
      ::posix_spawn_file_actions_addopen(actions.get(), standard, "/dev/null", O_RDWR, 0);
    }
    ::posix_spawn_file_actions_adddup2(actions.get(), copies[0].get(), kFile);
    ::posix_spawn_file_actions_adddup2(actions.get(), copies[1].get(), kRequest);
    ::posix_spawn_file_actions_adddup2(actions.get(), copies[2].get(), kAnswer);
    ::posix_spawn_file_actions_addclosefrom_np(actions.get(), kAnswer + 1);
    const SpawnAttributes attributes;
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    // An empty environment: nothing of the caller's can lead libhdf5 or the loader elsewhere.
    std::array<char*, 1> environment{nullptr};
    const int failure = ::posix_spawn(&pid_, program.c_str(), actions.get(), attributes.get(),
                                      argv.data(), environment.data());
    if (failure != 0) {
      const auto code = failure == ENOENT ? Errc::kNotFound : Errc::kIo;
      throw Error(code, cat("cannot start the helper program ", escape(program), ": ",
                            error_text(failure)));
    }
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // How it ended; empty where the caller has arranged that nobody learns that.
  std::optional<int> wait() {
    int status = 0;
    pid_t got = -1;
    do {
      got = ::waitpid(pid_, &status, 0);
    } while (got < 0 && errno == EINTR);
    pid_ = -1;
    return got < 0 ? std::nullopt : std::optional(status);
  }

 private:
  pid_t pid_ = -1;
};

// "was killed by signal 11 (Segmentation fault)".
std::string ending(int status) {
  if (WIFEXITED(status)) return cat("ended with status ", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  if (signal == SIGXCPU) return "took too much processor time";
  const char* words = ::sigdescr_np(signal);
  return cat("was ended by signal ", signal, " (", words == nullptr ? "unknown" : words, ")");
}

// A helper at work, and what it answers: 0 and the content, or 1, a code and a sentence, which are
// thrown.
class Answer {
 public:
  Answer(int file, Bytes request, const HelperOptions& options)
      : options_(options), deadline_(Clock::now() + options.time) {
    const std::string program = options.program.empty() ? find_helper() : options.program;
    // As a file, the request is there whole: neither waits for the other, and no signal comes where
    // the helper dies.
    const FileDescriptor message = in_memory(std::exchange(request, {}));
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(Errc::kIo, error_text(errno));
    pipe_ = FileDescriptor(ends[0]);
    const FileDescriptor writing(ends[1]);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options.time).count() + 1;
    child_.emplace(program, std::vector{cat(options.memory), cat(seconds)}, file, message.get(),
                   writing.get());
  }

  // Waits for the first word.
  void begin() {
    if (number() == 0) return;
    const std::uint64_t code = number();
    Bytes sentence(static_cast<std::size_t>(std::min<std::uint64_t>(number(), kLongestSentence)));
    read(sentence);
    throw Error(
        static_cast<Errc>(std::min<std::uint64_t>(code, static_cast<std::uint64_t>(Errc::kWrite))),
        std::string(as_text(sentence)));
  }

  // Throws Error(kCorrupt) where the helper ends before `out` is full.
  void read(std::span<std::byte> out) {
    is_whole_ = out.empty();
    while (!is_whole_) {
      if (rest_.empty()) fill();
      if (rest_.empty()) finish();
      const std::size_t n = std::min(out.size(), rest_.size());
      std::copy_n(rest_.begin(), n, out.begin());
      rest_ = rest_.subspan(n);
      out = out.subspan(n);
      is_whole_ = out.empty();
    }
  }

  // Waits for the helper's end. Throws Error(kCorrupt) where it was none that is wanted.
  void finish() {
    if (rest_.empty()) fill();
    const bool goes_on = !rest_.empty();
    if (goes_on) child_.reset();
    const auto status = goes_on ? std::optional(0) : child_->wait();
    if (status && *status != 0) {
      throw Error(Errc::kCorrupt, cat("the helper in which libhdf5 works ", ending(*status)));
    }
    if (goes_on || !is_whole_) throw Error(Errc::kCorrupt, std::string(kNonsense));
  }

 private:
  static constexpr std::uint64_t kLongestSentence = std::uint64_t{1} << 20U;

  std::uint64_t number() {
    return receive_number([this](std::span<std::byte> out) { read(out); });
  }

  // Fetches what comes next; nothing where the pipe was closed.
  void fill() {
    while (true) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      if (left <= 0) {
        throw Error(Errc::kCorrupt, cat("libhdf5 has not finished in ", options_.time.count(),
                                        " milliseconds and was stopped"));
      }
      pollfd item{pipe_.get(), POLLIN, 0};
      const int ready = ::poll(&item, 1, static_cast<int>(std::min<long long>(left, 1'000'000)));
      if (ready < 0 && errno != EINTR) throw Error(Errc::kIo, error_text(errno));
      if (ready <= 0) continue;
      const ssize_t n = ::read(pipe_.get(), buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw Error(Errc::kIo, cat("cannot read from the helper: ", error_text(errno)));
      rest_ = ByteView(buffer_).first(static_cast<std::size_t>(n));
      return;
    }
  }

  const HelperOptions& options_;
  Clock::time_point deadline_;
  FileDescriptor pipe_;
  std::optional<Child> child_;
  Bytes buffer_ = Bytes(std::size_t{1} << 16U);
  ByteView rest_;         // of it, not yet taken
  bool is_whole_ = true;  // all that was asked for has come
};

Outcome ask_for_outcome(int file, Bytes request, std::uint64_t size_before,
                        const HelperOptions& options) {
  Answer answer(file, std::move(request), options);
  answer.begin();
  Outcome outcome = read_outcome([&](std::span<std::byte> out) { answer.read(out); }, size_before,
                                 options.memory);
  answer.finish();
  return outcome;
}

}  // namespace

std::string find_helper() {
  std::vector<std::string> places;
  if (const std::string folder = own_folder(); !folder.empty()) {
    places.push_back(cat(folder, "/../libexec/ckpt/", kProgram));
    places.push_back(cat(folder, "/libexec/ckpt/", kProgram));
  }
  places.push_back(cat(helper_folder, "/", kProgram));
  for (const auto& place : places) {
    if (::access(place.c_str(), X_OK) == 0) return place;
  }
  throw Error(Errc::kNotFound, cat("the helper program ", kProgram,
                                   " is missing; it was looked for", " at ", join(places, ", ")));
}

Outcome edit_by_helper(const FilePart& file, Bytes request, const HelperOptions& options) {
  try {
    return ask_for_outcome(file.fd, std::move(request), file.size, options);
  } catch (const Error& e) {
    throw Error(e.code(), cat(e.what(), "; the file is untouched"));
  }
}

Outcome lay_out_by_helper(LayoutRequest request) {
  Bytes bytes = encode_request(std::exchange(request, {}));
  return ask_for_outcome(in_memory({}).get(), std::move(bytes), 0, {});
}

void read_by_helper(int fd, std::uint64_t object, std::uint64_t first, std::uint64_t count,
                    std::span<std::byte> out) {
  const HelperOptions options;
  Answer answer(fd, encode_request(ReadRequest{object, first, count, out.size()}), options);
  answer.begin();
  answer.read(out);
  answer.finish();
}

}  // namespace ckpt::hdf5
