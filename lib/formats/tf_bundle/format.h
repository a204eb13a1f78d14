#pragma once

#include "checkpoint/format.h"

namespace ckpt::tf {

// TensorFlow's checkpoint of version 2: an index and data shards. `open` takes the index; `resolve`
// finds it for the prefix, a data shard or a `checkpoint` file; `create` takes the prefix or the
// index.
extern const Format kTfBundleFormat;

}  // namespace ckpt::tf
