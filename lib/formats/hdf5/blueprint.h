#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/writer.h"
#include "formats/hdf5/overlay.h"

namespace ckpt::hdf5 {

// A native file without its tensors: all groups, datasets and attributes as libhdf5 lays them out,
// as pages in memory, with room left where the tensors go.
struct Blueprint {
  std::unique_ptr<Overlay> file;
  std::vector<std::uint64_t> offsets;  // of each variable's bytes; 0 where it has none
};

// Lays out `specs` under `paths` (stored_names()). The same input gives the same bytes: objects are
// made in the order of their paths and carry no timestamps. Data is contiguous, little-endian and
// aligned to 64 bytes.
Blueprint make_blueprint(std::span<const VariableSpec> specs, std::span<const std::string> paths);

}  // namespace ckpt::hdf5
