#pragma once

#include <map>
#include <string>

namespace ckpt::tf {

// The sorted table of these entries, as TensorFlow writes it: nothing compressed, blocks of 256
// KiB. Byte for byte what its own writer makes of them.
std::string build_table(const std::map<std::string, std::string>& entries);

}  // namespace ckpt::tf
