#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/format.h"

namespace ckpt::numpy {

// Starts an npz of stored members in the order of `specs`, each a NumPy file whose data begins at a
// multiple of 64 bytes. Throws Error: kInvalid where NumPy has no type for a variable or a name
// cannot be a member's; what NewFile throws.
std::unique_ptr<Writer> create_npz(const std::string& path, std::vector<VariableSpec> specs,
                                   const CreateOptions& options);

// Throws Error(kInvalid), naming each, for variables that an npz cannot hold.
void check_specs(const std::vector<VariableSpec>& specs);

}  // namespace ckpt::numpy
