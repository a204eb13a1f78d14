#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "storage/new_file.h"

namespace ckpt {

// A file that an option of a command names (--fix, --junit, …), with the text that `fill` gives
// piece by piece. Throws Error(kWrite), naming the file, also where it exists and may not be
// replaced.
void write_output(const std::string& path, Overwrite overwrite,
                  const std::function<void(const std::function<void(std::string_view)>&)>& fill);

// "replace OUT where it exists" said once.
inline Overwrite overwrite_if(bool asked) { return asked ? Overwrite::kYes : Overwrite::kNo; }

}  // namespace ckpt
