#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "core/text.h"
#include "report/units.h"

namespace ckpt {
namespace {

constexpr std::size_t kWidth = 24;

void write_to_stderr(std::string_view text) {
  // A bar that cannot be drawn is no reason to stop.
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t total) {
  const double share =
      total == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(share * kWidth);
  return cat(what, " [", std::string(filled, '='), std::string(kWidth - filled, ' '), "] ",
             pad_left(cat(static_cast<int>(share * 100)), 3), " %, ", human_bytes(done), " of ",
             human_bytes(total));
}

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)), is_terminal_(::isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(std::uint64_t done, std::uint64_t total) {
  using std::chrono::milliseconds;
  if (!is_terminal_) return;
  const auto now = Clock::now();
  if (now - start_ < milliseconds(1000) || now - last_ < milliseconds(100)) return;
  last_ = now;
  is_drawn_ = true;
  write_to_stderr(cat("\r\x1b[K", progress_line(what_, done, total)));
}

void ProgressBar::clear() {
  if (is_drawn_) write_to_stderr("\r\x1b[K");
  is_drawn_ = false;
}

}  // namespace ckpt
