#include "console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/error.h"
#include "core/escape.h"
#include "core/system.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::size_t kPendingBytes = 1 << 16;

std::size_t terminal_width() {
  // COLUMNS, where someone exported it, is a wish that comes before what the terminal says.
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr) {
    const long wish = std::strtol(columns, nullptr, 10);
    if (wish > 0) return static_cast<std::size_t>(wish);
  }
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

void Console::write(std::string_view text) {
  pending_ += text;
  if (pending_.size() >= kPendingBytes) flush();
}

void Console::flush() {
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      pending_.clear();
      if (error == EPIPE) throw PipeClosed();
      const std::string sentence = cat("cannot write to standard output: ", error_text(error));
      if (done_.empty()) throw Error(Errc::kWrite, sentence);
      throw Error(Errc::kUnfinished, cat(done_, ", but its report was not printed: ", sentence));
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  pending_.clear();
}

void Console::set_written(const std::string& path) { done_ = cat(escape(path), ": is written"); }

void Console::complain(std::string_view sentence) {
  const std::string line = cat("ckpt: ", sentence, "\n");
  // Nothing can be done where standard error itself is broken.
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

bool Console::is_terminal() const { return ::isatty(STDOUT_FILENO) != 0; }

TextStyle Console::style(std::string_view color) const {
  TextStyle style;
  if (is_terminal()) style.width = terminal_width();
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool wished = (no_color == nullptr || *no_color == '\0') && term != nullptr &&
                      std::string_view(term) != "dumb";
  style.color = color == "always" || (color == "auto" && is_terminal() && wished);
  return style;
}

}  // namespace ckpt
