#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/writer.h"
#include "core/atomic_file.h"

namespace ckpt::tf {

// Writes a bundle of one shard, as TensorFlow's own writer does: tensors in the order of `specs`,
// one after the other. The shard gets its name before the index does, so where an index is, the
// bundle is complete.
//
// The shard never takes the place of one that an index speaks of, since two files cannot change at
// once. Where a bundle of one shard is overwritten, or where a shard lies without an index, which
// may be all that is left of somebody's bundle, the new bundle has two, the second empty:
//
//     P.index  →  P.data-00000-of-00001                             the old one, until
//     P.index  →  P.data-00000-of-00002, P.data-00001-of-00002      its index is replaced
//
// After that the shards of the old one are removed.
std::unique_ptr<Writer> create_bundle(const std::string& prefix, std::vector<VariableSpec> specs,
                                      Overwrite overwrite);

}  // namespace ckpt::tf
