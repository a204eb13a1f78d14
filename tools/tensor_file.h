#pragma once

#include <string>
#include <vector>

#include "console.h"
#include "model/forward.h"
#include "storage/new_file.h"

namespace ckpt {

// Tensors by name in files of their own: the inputs and outputs of a forward pass.

// All tensors of a file of any format that is read, npz as a rule, in its order.
// Throws Error, naming the file.
std::vector<NamedTensor> read_tensors(const std::string& path, Console& console);

// Writes them as npz; bf16 and 8-bit floats, which NumPy has not, as f32, exactly. Throws
// Error(kWrite), naming the file, also where it exists and may not be replaced.
void write_tensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                   Overwrite overwrite);

}  // namespace ckpt
