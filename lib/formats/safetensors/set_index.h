#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "core/string_pool.h"
#include "formats/io/json.h"

namespace ckpt::safetensors {

// The JSON file that makes a set of shards: which variable lies in which. The tree of a JSON parser
// would take ten times as much.
struct SetIndex {
  struct Row {
    std::string_view name;  // in `names`
    std::uint32_t shard = 0;
  };
  std::vector<Row> rows;            // of weight_map, each name once
  std::vector<std::string> shards;  // names of files
  nlohmann::json rest;              // all else that it says
  StringPool names;

  void add(std::string_view name, std::size_t shard) {
    rows.push_back({names.add(name), static_cast<std::uint32_t>(shard)});
  }
};

// Throws Error.
SetIndex read_set_index(const RandomFile& file);

// Gives the text in pieces: keys sorted, as the writers of such files have them.
void write_set_index(SetIndex index, const std::function<void(std::string_view)>& out);
std::string print_set_index(SetIndex index);

}  // namespace ckpt::safetensors
