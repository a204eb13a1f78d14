#pragma once

#include <filesystem>
#include <string>

namespace ckpt::test {

// A text attribute of the root of an HDF5 file, by libhdf5; empty where there is none.
std::string h5_text(const std::filesystem::path& path, const std::string& attribute);

}  // namespace ckpt::test
