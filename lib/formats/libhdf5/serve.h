#pragma once

#include <span>

namespace ckpt::hdf5 {

// The helper's main(): takes the request, limits itself, and answers (hdf5_helper/helper.h).
// `arguments`: memory in bytes, processor time in seconds. Gives the exit status.
int serve(std::span<char* const> arguments);

}  // namespace ckpt::hdf5
