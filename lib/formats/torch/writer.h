#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/writer.h"
#include "storage/new_file.h"

namespace ckpt::torch {

// Writes a state dict as torch.save() does: one dict of contiguous tensors, each with a storage of
// its own, in the order of `specs`. dtypes that have no class of storages (float8, unsigned
// integers of 16 bits and more) are written as PyTorch 2.1 and later write them, and need it to be
// read.
std::unique_ptr<Writer> create_archive(const std::string& path, std::vector<VariableSpec> specs,
                                       Overwrite overwrite);

}  // namespace ckpt::torch
