#include "process_timer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

// Linux gives kilobytes.
std::uint64_t peak_of(const rusage& usage) {
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

// Where the three standard streams of a child go.
class Streams {
 public:
  Streams(const std::string& out, const std::string& err) {
    const int create = O_WRONLY | O_CREAT | O_TRUNC;
    check(::posix_spawn_file_actions_init(&actions_));
    check(::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0));
    check(::posix_spawn_file_actions_addopen(&actions_, 1, out.c_str(), create, 0600));
    check(::posix_spawn_file_actions_addopen(&actions_, 2, err.c_str(), create, 0600));
  }
  ~Streams() { ::posix_spawn_file_actions_destroy(&actions_); }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  static void check(int error) {
    if (error != 0) throw std::system_error(error, std::generic_category());
  }

  posix_spawn_file_actions_t actions_{};
};

}  // namespace

Usage time_process(const Command& command, const std::filesystem::path& out,
                   const std::filesystem::path& err) {
  const Streams streams(out, err);
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  const auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0], streams.get(), nullptr, words.data(), environ);
  if (error != 0) {
    throw std::runtime_error(command[0] + ": " + std::generic_category().message(error));
  }
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "wait4");
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  return {.wall = wall.count(),
          .cpu = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
          .peak_bytes = peak_of(usage),
          .status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
}

std::uint64_t own_peak_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return peak_of(usage);
}
