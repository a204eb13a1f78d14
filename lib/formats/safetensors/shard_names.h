#pragma once

#include <string>
#include <string_view>

namespace ckpt::safetensors {

// What a set of files is called: X.safetensors.index.json, X-00001-of-00003.safetensors, ….

inline constexpr std::string_view kIndexSuffix = ".index.json";
inline constexpr std::string_view kFileSuffix = ".safetensors";

// Why an index that exists is not replaced.
inline constexpr std::string_view kNoOverwrite =
    "exists already, and a set of files is not overwritten, since a crash could leave some old and "
    "some new; remove it first, or give another name";

// "a/X" of "a/X.safetensors.index.json". Throws Error(kInvalid) where the name does not end so.
std::string stem_of_index(const std::string& path);

// "X-00001-of-00003.safetensors": the first of three is number 0.
std::string shard_name(std::string_view stem, std::size_t shard, std::size_t count);

}  // namespace ckpt::safetensors
