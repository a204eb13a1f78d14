#include "crash_guard.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "core/escape.h"
#include "core/text.h"
#include "exit_status.h"

namespace ckpt {
namespace {

#ifdef __SANITIZE_ADDRESS__
// The sanitizer's own report is worth more than ours.
constexpr std::array<int, 0> kSignals{};
#else
constexpr std::array kSignals{SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
#endif

std::string crash_sentence;  // made beforehand: a signal handler may not allocate

extern "C" void on_crash(int) {
  [[maybe_unused]] const ssize_t ignored =
      ::write(STDERR_FILENO, crash_sentence.data(), crash_sentence.size());
  ::_exit(static_cast<int>(ExitStatus::kBug));
}

// A stack of its own, so that a stack overflow can be answered too.
void use_signal_stack() {
  static std::vector<char> memory(1 << 16);
  stack_t stack{};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  ::sigaltstack(&stack, nullptr);
}

}  // namespace

CrashGuard::CrashGuard(const std::string& path) {
  crash_sentence =
      cat("ckpt: ", escape(path),
          ": ckpt crashed while reading it. No file may do that, so this is a bug in ckpt: "
          "please report it, with the file if you can. Nothing was changed.\n");
  use_signal_stack();
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
}

CrashGuard::~CrashGuard() {
  for (const int signal : kSignals) ::signal(signal, SIG_DFL);
}

}  // namespace ckpt
