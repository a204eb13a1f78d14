#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/writer.h"
#include "storage/new_file.h"

namespace ckpt::tf {

// Writes a bundle of one shard, as TensorFlow's own writer does: tensors in the order of `specs`,
// one after the other. The shard gets its name before the index does, so where an index is, the
// bundle is complete. What may lie there already is the matter of a Succession.
std::unique_ptr<Writer> create_bundle(const std::string& prefix, std::vector<VariableSpec> specs,
                                      Overwrite overwrite);

}  // namespace ckpt::tf
