#pragma once

#include <string>

#include "core/error.h"

namespace ckpt {

// How the program ends: a contract with scripts. The table of `ckpt --help` is made from
// exit_status_help().
enum class ExitStatus : int {
  kDone = 0,        // done, nothing to report
  kNo = 1,          // ran well, and the answer is no
  kUsage = 2,       // the command line makes no sense
  kRules = 3,       // the rules cannot be applied; nothing written
  kUnreadable = 4,  // an input is unreadable, truncated, hostile or unsupported
  kNotWritten = 5,  // writing failed; the file is as it was
  kBug = 6,         // a bug in ckpt
};

// A line a status.
std::string exit_status_help();

ExitStatus exit_status_of(Errc code);

}  // namespace ckpt
