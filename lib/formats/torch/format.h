#pragma once

#include "checkpoint/format.h"

namespace ckpt::torch {

// PyTorch's files (.pt, .pth, .bin): zip archives, TorchScript's too, and the older files without a
// container.
extern const Format kTorchFormat;

}  // namespace ckpt::torch
