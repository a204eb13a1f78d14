#pragma once

#include "checkpoint/format.h"

namespace ckpt::safetensors {

// One .safetensors file: read and written. A variable's place is its offset in the file.
extern const Format kFormat;

// A set of .safetensors files, given as the *.index.json that names them: read and written. A
// variable's place is its shard and the offset in it.
extern const Format kIndexFormat;

}  // namespace ckpt::safetensors
