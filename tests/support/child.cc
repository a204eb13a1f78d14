#include "support/child.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <string>

// There in a build that counts lines (tools/coverage.sh): keeps the counts of a child.
extern "C" [[gnu::weak]] void __gcov_dump();

namespace {

// A line of /proc/self/status, in bytes.
std::uint64_t own_memory(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == key && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

// What parent and child share while the child runs.
class SharedNumber {
 public:
  SharedNumber()
      : value_(static_cast<std::uint64_t*>(::mmap(nullptr, sizeof(std::uint64_t),
                                                  PROT_READ | PROT_WRITE,
                                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    if (value_ == MAP_FAILED) throw std::runtime_error("cannot share memory");
  }
  ~SharedNumber() { ::munmap(value_, sizeof(std::uint64_t)); }
  SharedNumber(const SharedNumber&) = delete;
  SharedNumber& operator=(const SharedNumber&) = delete;
  [[nodiscard]] std::uint64_t& operator*() const { return *value_; }

 private:
  std::uint64_t* value_;
};

}  // namespace

ChildRun measure_in_child(const std::function<int()>& f, unsigned seconds) {
  const SharedNumber grown;
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("cannot fork");
  if (pid == 0) {
    // doctest's own handlers would report the child's crash as the test's.
    for (const int number : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGTERM, SIGINT}) {
      ::signal(number, SIG_DFL);
    }
    const rlimit processor{seconds, seconds};
    ::setrlimit(RLIMIT_CPU, &processor);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak counts from here (proc(5))
    const std::uint64_t inherited = own_memory("VmRSS:");
    int status = 99;
    try {
      status = f();
    } catch (...) {
    }
    const std::uint64_t peak = own_memory("VmHWM:");
    *grown = peak > inherited ? peak - inherited : 0;
    if (__gcov_dump != nullptr) __gcov_dump();
    ::_exit(status);
  }
  int status = 0;
  rusage used{};
  ::wait4(pid, &status, 0, &used);
  const auto seconds_of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime),
          .peak_bytes = *grown};
}

int run_in_child(const std::function<int()>& f, unsigned seconds) {
  return measure_in_child(f, seconds).status;
}
