#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ckpt::hdf5 {

// The dataset's path of each variable in the native layout, in their order: the name, with ":0"
// behind it where the name is a scope too, since HDF5 cannot have a group and a dataset of one
// name, and where the name itself ends in ":0", since a reader drops one.
//
//     dense/kernel          dense/kernel:0     (a group, for dense/kernel/Adam)
//     dense/kernel/Adam     dense/kernel/Adam
//     w:0                   w:0:0
//
// Throws Error(kInvalid), naming all of them, where HDF5 cannot hold names.
std::vector<std::string> stored_names(std::span<const std::string_view> names);

// Throws Error(kInvalid), naming all of them, for what is no path of an HDF5 file.
void check_paths(std::span<const std::string_view> paths);

}  // namespace ckpt::hdf5
