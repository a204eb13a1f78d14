#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/format.h"

namespace ckpt::safetensors {

// Starts a file laid out as the reference's writer does it: larger types first, then by name; the
// header padded with blanks to a multiple of 8 bytes, so that the data is aligned.
// Throws Error: kInvalid where a dtype or a name cannot be in such a file, or the header would pass
// 100,000,000 bytes; what NewFile throws.
std::unique_ptr<Writer> create(const std::string& path, std::vector<VariableSpec> specs,
                               const CreateOptions& options);

// The same into a file that the caller commits.
std::unique_ptr<Writer> create_into(NewFile& file, std::vector<VariableSpec> specs,
                                    const Metadata& metadata);

}  // namespace ckpt::safetensors
