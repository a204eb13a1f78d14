#pragma once

#include <cstdint>
#include <optional>

#include "formats/torch/pickle.h"

namespace ckpt::torch {

// The tensor that a value stands for, as one of Pickle::views: that of a kTensor, or a new one of a
// call. Empty where the value stands for none. Throws Error(kCorrupt), as in "is a tensor without a
// dtype", where it does not lie inside its storage or is malformed.
std::optional<std::uint32_t> view_of(Pickle& pickle, Ref ref);

}  // namespace ckpt::torch
