#pragma once

#include "checkpoint/format.h"

namespace ckpt::tf {

// TensorFlow's checkpoint of version 1: a table, or several, with the tensors in it. `open` takes
// the file or one of its shards, `resolve` the prefix or a `checkpoint` file.
extern const Format kTfV1Format;

}  // namespace ckpt::tf
