#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/format.h"

namespace ckpt::hdf5 {

// Starts a file of the native layout. Throws Error as Format::create; messages do not name the
// file, but those of the writer's own calls do.
std::unique_ptr<Writer> create_hdf5(const std::string& path, std::vector<VariableSpec> specs,
                                    const CreateOptions& options);

}  // namespace ckpt::hdf5
