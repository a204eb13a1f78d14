#pragma once

#include <string>
#include <string_view>

namespace ckpt::safetensors {

// What a set of files is called: X.safetensors.index.json, X-00001-of-00003.safetensors, ….

inline constexpr std::string_view kIndexSuffix = ".index.json";
inline constexpr std::string_view kFileSuffix = ".safetensors";

// "a/X" of "a/X.safetensors.index.json". Throws Error(kInvalid) where the name does not end so.
std::string stem_of_index(const std::string& path);

// "X-00001-of-00003.safetensors": the first of three is number 0.
std::string shard_name(std::string_view stem, std::size_t shard, std::size_t count);

// Is that what shard_name() makes of the stem, with whatever numbers?
bool is_shard_name(std::string_view name, std::string_view stem);

// The same for the set whose index is at that path. No name is, where the index is called by none.
bool is_shard_of(std::string_view name, const std::string& index_path);

}  // namespace ckpt::safetensors
