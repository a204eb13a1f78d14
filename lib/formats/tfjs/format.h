#pragma once

#include "checkpoint/format.h"

namespace ckpt::tfjs {

// A TensorFlow.js model (layers or graph), or the manifest of its weights alone, given as the JSON
// file whose folder has the weight files: read.
//
// A quantised variable is what the file has, its numbers before they are scaled: `dtype` is the
// stored type, `native_dtype` says what it stands for ("float32 as uint8"), and `scale` and `min`
// are among its attributes: value = scale × stored + min.
extern const Format kFormat;

}  // namespace ckpt::tfjs
