#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ckpt::tf {

// A TensorFlow checkpoint is called by a prefix P, which is no file:
//
//   P.index, P.data-00000-of-00002, …      a bundle ("version 2")
//   P or P-00000-of-00002, …               a file of SavedTensorSlices ("version 1")
//   checkpoint                             a text file in the same folder, which names the newest P

// The index of the bundle that `path` stands for, where `path` is a prefix, a data shard or a
// `checkpoint` file; empty where there is no such bundle.
std::optional<std::string> find_index(const std::string& path);

// The index itself, where `path` is one or stands for one; else `path` as it is.
std::string index_of(const std::string& path);

// The same for a file of version 1, or the first of its shards.
std::optional<std::string> find_v1(const std::string& path);

// "P" of "P.index".
std::string prefix_of_index(const std::string& index);

// "P.data-00001-of-00002".
std::string shard_path(const std::string& prefix, std::int64_t shard, std::int64_t count);

// The numbers at the end of "…-00001-of-00002".
struct ShardName {
  std::string stem;  // what stands before them
  std::int64_t shard = 0;
  std::int64_t count = 0;
};
std::optional<ShardName> parse_shard_name(std::string_view path);

}  // namespace ckpt::tf
