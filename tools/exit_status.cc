#include "exit_status.h"

#include <array>
#include <string_view>

#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::array<std::string_view, 8> kMeanings{
    "done, nothing to report",
    "ran well, and the answer is no: nothing found, differences, findings",
    "usage: an unknown option, command, variable or scope",
    "the rules cannot be applied; nothing was written",
    "an input is unreadable, truncated, hostile or unsupported",
    "writing failed; the file is as it was",
    "a bug in ckpt",
    "done, or `ckpt recover` finishes it, but something after it failed",
};
static_assert(kMeanings.size() == static_cast<std::size_t>(ExitStatus::kUnfinished) + 1);

}  // namespace

std::string exit_status_help() {
  std::string help = "Exit status:\n";
  for (std::size_t i = 0; i < kMeanings.size(); ++i) help += cat("  ", i, "  ", kMeanings[i], "\n");
  help += "130  interrupted by Ctrl-C (the death by a signal that a shell calls so)\n";
  return help;
}

ExitStatus exit_status_of(Errc code) {
  switch (code) {
    case Errc::kNotFound:
    case Errc::kCorrupt:
    case Errc::kUnsupported:
    case Errc::kIo:
      return ExitStatus::kUnreadable;
    case Errc::kInvalid:
      return ExitStatus::kUsage;
    case Errc::kConflict:
      return ExitStatus::kRules;
    case Errc::kWrite:
      return ExitStatus::kNotWritten;
    case Errc::kUnfinished:
      return ExitStatus::kUnfinished;
  }
  return ExitStatus::kBug;
}

}  // namespace ckpt
