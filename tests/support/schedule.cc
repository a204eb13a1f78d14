#include "support/schedule.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "support/calls.h"

namespace {

constexpr char kStopped = 's';  // before a call
constexpr char kBlocked = 'b';  // before the next call, since the other holds a lock, or writes
constexpr char kEnded = 'e';

// In a child: stops before each call that matters.
class StoppingHook final : public CallHook {
 public:
  explicit StoppingHook(int socket) : socket_(socket) {}

  Verdict before(const Call& call) override {
    switch (call.kind) {
      case Call::Kind::kFlush:
      case Call::Kind::kFlushData:
      case Call::Kind::kPause:
        return Verdict::kSkip;
      case Call::Kind::kLock:
      case Call::Kind::kLease:
      case Call::Kind::kLink:
      case Call::Kind::kRename:
      case Call::Kind::kRenameNew:
      case Call::Kind::kUnlink:
      case Call::Kind::kCreate:
        stop();
        return Verdict::kGo;
      default:
        return Verdict::kGo;
    }
  }

  void after(const Call& call, long result) override {
    const bool is_asked = call.kind == Call::Kind::kLock || call.kind == Call::Kind::kLease;
    is_blocked_ = is_asked && result < 0 && errno == EWOULDBLOCK;
  }

 private:
  void stop() {
    char answer = is_blocked_ ? kBlocked : kStopped;
    is_blocked_ = false;
    if (::write(socket_, &answer, 1) != 1 || ::read(socket_, &answer, 1) != 1) ::_exit(98);
  }

  int socket_;
  bool is_blocked_ = false;
};

class ScheduledChild {
 public:
  ScheduledChild(const ScheduledRun& run, char* page) {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
      throw std::runtime_error("no sockets");
    }
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(sockets[0]);
      for (const int number : {SIGSEGV, SIGABRT, SIGFPE, SIGILL}) ::signal(number, SIG_DFL);
      StoppingHook hook(sockets[1]);
      set_call_hook(&hook);
      int status = 99;
      std::string text;
      try {
        status = run(text);
      } catch (...) {
      }
      set_call_hook(nullptr);
      text.copy(page, 4000);
      ::_exit(status);
    }
    ::close(sockets[1]);
    socket_ = sockets[0];
    listen();
  }
  ScheduledChild(const ScheduledChild&) = delete;
  ScheduledChild& operator=(const ScheduledChild&) = delete;
  ~ScheduledChild() {
    ::close(socket_);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] char state() const { return state_; }

  void go() {
    const char go = 'g';
    if (::write(socket_, &go, 1) == 1) listen();
  }

  int status() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  void listen() {
    if (::read(socket_, &state_, 1) != 1) state_ = kEnded;
  }

  pid_t pid_ = 0;
  int socket_ = -1;
  char state_ = kStopped;
};

}  // namespace

std::size_t for_each_schedule(const ScheduledRun& first, const ScheduledRun& second,
                              int most_changes, std::size_t most_schedules,
                              const std::function<void()>& prepare,
                              const std::function<void(const TwoRuns&)>& look) {
  char* const pages = static_cast<char*>(
      ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (pages == MAP_FAILED) throw std::runtime_error("cannot share memory");
  // At each step where there is a choice: which was taken (0: stay with who went last, 1: change
  // over). The next schedule differs in the last one that can still be 1.
  std::vector<int> choices;
  std::size_t count = 0;
  for (bool is_done = false; !is_done && count < most_schedules;) {
    prepare();
    std::fill_n(pages, 8192, '\0');
    TwoRuns runs;
    std::size_t step = 0;
    {
      ScheduledChild children[2] = {{first, pages}, {second, pages + 4096}};
      int last = 0;
      int changes = 0;
      bool is_waiting[2] = {false, false};  // until the other has gone a step
      while (children[0].state() != kEnded || children[1].state() != kEnded) {
        const auto may_go = [&](int i) { return children[i].state() != kEnded && !is_waiting[i]; };
        int next = may_go(last) ? last : 1 - last;
        if (may_go(0) && may_go(1) && changes < most_changes) {
          if (step == choices.size()) choices.push_back(0);
          if (choices[step] == 1) {
            next = 1 - last;
            ++changes;
          }
          ++step;
        }
        if (children[next].state() == kEnded) next = 1 - next;
        children[next].go();
        is_waiting[1 - next] = false;
        is_waiting[next] =
            children[next].state() == kBlocked && children[1 - next].state() != kEnded;
        last = next;
      }
      for (int i = 0; i < 2; ++i) {
        runs.status[i] = children[i].status();
        runs.text[i] = pages + 4096 * i;
      }
    }
    choices.resize(step);
    ++count;
    look(runs);
    while (!choices.empty() && choices.back() == 1) choices.pop_back();
    is_done = choices.empty();
    if (!is_done) choices.back() = 1;
  }
  ::munmap(pages, 8192);
  return count;
}
