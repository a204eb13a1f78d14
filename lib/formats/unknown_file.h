#pragma once

#include <string>

#include "core/file.h"

namespace ckpt {

// What a file that no format knows looks like, by its first bytes, as the end of a sentence that
// starts with the file's name: "is empty", "is an HTML page, not a checkpoint: …".
std::string describe_unknown_file(const RandomFile& file);

}  // namespace ckpt
