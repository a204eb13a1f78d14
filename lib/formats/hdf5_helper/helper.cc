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
#include "core/raw_file.h"
#include "core/system.h"
#include "core/text.h"
#include "formats/hdf5_helper/helper_folder.h"
#include "formats/hdf5_helper/wire.h"

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

// 0 and the length of the content, then the content; or what went wrong.
struct Answer {
  static constexpr std::size_t kHead = 16;
  Bytes bytes;

  [[nodiscard]] ByteView content() const { return ByteView(bytes).subspan(kHead); }
};

// How long the answer that begins so will be; 0 where that is not said yet.
std::size_t announced_size(ByteView answer) {
  if (answer.size() < Answer::kHead) return 0;
  WireReader in(answer);
  return in.number() == 0 ? static_cast<std::size_t>(in.number()) + Answer::kHead : 0;
}

// All that comes out of the pipe until it is closed. False where time ran out.
bool read_answer(int pipe, Clock::time_point deadline, std::uint64_t limit, Bytes& answer) {
  std::vector<std::byte> buffer(std::size_t{1} << 16U);
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd item{pipe, POLLIN, 0};
    const int ready = ::poll(&item, 1, static_cast<int>(std::min<long long>(left, 1'000'000)));
    if (ready < 0 && errno != EINTR) throw Error(Errc::kIo, error_text(errno));
    if (ready <= 0) continue;
    const ssize_t n = ::read(pipe, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(Errc::kIo, cat("cannot read from the helper: ", error_text(errno)));
    if (n == 0) return true;
    answer.insert(answer.end(), buffer.begin(), buffer.begin() + n);
    if (const auto size = announced_size(answer); size <= limit) answer.reserve(size);
    if (answer.size() > limit) {
      throw Error(Errc::kCorrupt, "the helper's answer does not end");
    }
  }
}

// "was killed by signal 11 (Segmentation fault)".
std::string ending(int status) {
  if (WIFEXITED(status)) return cat("ended with status ", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  if (signal == SIGXCPU) return "took too much processor time";
  const char* words = ::sigdescr_np(signal);
  return cat("was ended by signal ", signal, " (", words == nullptr ? "unknown" : words, ")");
}

constexpr std::string_view kNonsense = "the helper's answer makes no sense";

void check_patch(const Patch& patch, std::uint64_t size_before) {
  std::uint64_t end = 0;
  bool is_sound = patch.size_before == size_before && patch.size_after >= size_before;
  for (const auto& piece : patch.pieces) {
    is_sound = is_sound && piece.offset >= end && !piece.bytes.empty() &&
               piece.offset <= patch.size_after &&
               piece.bytes.size() <= patch.size_after - piece.offset;
    end = piece.offset + piece.bytes.size();
  }
  if (!is_sound) throw Error(Errc::kCorrupt, std::string(kNonsense));
}

// Starts the helper, and gives what it answers.
Answer ask(int fd, Bytes request, const HelperOptions& options) {
  const std::string program = options.program.empty() ? find_helper() : options.program;
  const auto deadline = Clock::now() + options.time;
  // As a file, the request is there whole: neither waits for the other, and no signal comes where
  // the helper dies.
  const FileDescriptor message = in_memory(std::exchange(request, {}));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(Errc::kIo, error_text(errno));
  const FileDescriptor reading(ends[0]);
  FileDescriptor writing(ends[1]);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options.time).count() + 1;
  Child child(program, {cat(options.memory), cat(seconds)}, fd, message.get(), writing.get());
  writing = FileDescriptor();
  Answer answer;
  if (!read_answer(reading.get(), deadline, options.memory, answer.bytes)) {
    throw Error(Errc::kCorrupt, cat("libhdf5 has not finished in ", options.time.count(),
                                    " milliseconds and was stopped"));
  }
  const auto status = child.wait();
  if (status && *status != 0) {
    throw Error(Errc::kCorrupt, cat("the helper in which libhdf5 works ", ending(*status)));
  }
  WireReader in(answer.bytes);
  if (in.number() != 0) {
    const auto code = static_cast<Errc>(
        std::min<std::uint64_t>(in.number(), static_cast<std::uint64_t>(Errc::kWrite)));
    throw Error(code, in.text());
  }
  if (in.bytes().size() != answer.content().size()) {
    throw Error(Errc::kCorrupt, std::string(kNonsense));
  }
  return answer;
}

Outcome outcome_of(ByteView answer, std::uint64_t size_before) {
  Outcome outcome = decode_outcome(answer);
  check_patch(outcome.patch, size_before);
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

Outcome edit_by_helper(const FilePart& file, std::span<const Operation> operations,
                       const HelperOptions& options) {
  try {
    Bytes request = encode_request(operations, file.offset, file.size);
    return outcome_of(ask(file.fd, std::move(request), options).content(), file.size);
  } catch (const Error& e) {
    throw Error(e.code(), cat(e.what(), "; the file is untouched"));
  }
}

Outcome lay_out_by_helper(LayoutRequest request) {
  const FileDescriptor nothing = in_memory({});
  return outcome_of(ask(nothing.get(), encode_request(request), {}).content(), 0);
}

void read_by_helper(int fd, std::uint64_t object, std::uint64_t first, std::uint64_t count,
                    std::span<std::byte> out) {
  const Answer answer = ask(fd, encode_request(ReadRequest{object, first, count, out.size()}), {});
  if (answer.content().size() != out.size()) throw Error(Errc::kCorrupt, std::string(kNonsense));
  std::ranges::copy(answer.content(), out.begin());
}

}  // namespace ckpt::hdf5
