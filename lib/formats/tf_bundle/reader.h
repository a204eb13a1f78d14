#pragma once

#include <memory>
#include <string>

#include "checkpoint/reader.h"

namespace ckpt::tf {

// Opens the bundle whose index is the file `index`. Data shards may be missing: the bundle lists all
// the same, with a note, and only reading their tensors fails.
std::unique_ptr<Reader> open_bundle(const std::string& index);

}  // namespace ckpt::tf
