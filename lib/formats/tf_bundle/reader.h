#pragma once

#include <memory>
#include <string>

#include "checkpoint/reader.h"
#include "core/file.h"

namespace ckpt::tf {

// Opens the bundle whose index is `index`, the file at `path`. Data shards may be missing: the
// bundle lists all the same, with a note, and only reading their tensors fails.
std::unique_ptr<Reader> open_bundle(const RandomFile& index, const std::string& path);

}  // namespace ckpt::tf
