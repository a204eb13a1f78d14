#pragma once

#include <string_view>

#include "dups/finding.h"

namespace ckpt {

// All about a code, for someone who sees it for the first time: what it is, how it comes about, the
// program before and after, how to mend the file, what looks like it and is none. Plain text of
// lines below 80 columns.
std::string_view help_of(FindingCode code);

}  // namespace ckpt
