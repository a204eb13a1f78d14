#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace ckpt::test {

// The arrays of an .npz file, in the order of its directory: stored members alone, little-endian,
// in C order. Throws std::runtime_error for anything else. For tests, so that what the library
// reads is checked against another reader.
std::vector<std::pair<std::string, Tensor>> read_npz(const std::string& path);

}  // namespace ckpt::test
