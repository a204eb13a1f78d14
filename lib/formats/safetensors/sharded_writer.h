#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/format.h"

namespace ckpt::safetensors {

// Starts a set of files: X.safetensors.index.json, and X-00001-of-00003.safetensors … beside it,
// each with as many variables, in the order of `specs`, as fit into options.max_shard_bytes; one
// that is larger by itself has a file of its own. The index gets its name last, so where it is, the
// set is whole. Throws Error: kInvalid where `path` does not end so; what create() throws.
std::unique_ptr<Writer> create_shards(const std::string& path, std::vector<VariableSpec> specs,
                                      const CreateOptions& options);

}  // namespace ckpt::safetensors
