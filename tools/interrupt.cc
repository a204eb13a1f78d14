#include "interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <utility>

namespace ckpt {
namespace {

// Whole lines, since a signal handler may not put one together.
constexpr const char* kInterruption = "ckpt: interrupted\n";
constexpr const char* kNothingChanged = "ckpt: interrupted; nothing was changed\n";
constexpr const char* kChanging =
    "ckpt: interrupted while the file was changed; `ckpt recover FILE` finishes that or takes it "
    "back\n";
constexpr const char* kMaking =
    "ckpt: interrupted while the new file was written; it is there whole or not at all\n";

std::atomic<const char*> words{kInterruption};
static_assert(std::atomic<const char*>::is_always_lock_free);

extern "C" void on_interrupt(int signal) {
  const char* line = words;
  // Behind "^C" and a progress bar.
  if (::isatty(STDERR_FILENO) != 0) {
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, "\n", 1);
  }
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line, std::strlen(line));
  // The handler is gone by now: it is the signal's own death, which tells a shell to stop as well.
  ::raise(signal);
}

}  // namespace

void answer_interrupts() {
  struct sigaction action {};
  if (::sigaction(SIGINT, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
}

InterruptWords::InterruptWords() { words = kNothingChanged; }

InterruptWords::~InterruptWords() { words = kInterruption; }

std::function<void(const EditResult&)> InterruptWords::until_written(
    std::function<void(const EditResult&)> then, bool in_place) {
  return [then = std::move(then), in_place](const EditResult& result) {
    words = in_place ? kChanging : kMaking;
    if (then) then(result);
  };
}

}  // namespace ckpt
