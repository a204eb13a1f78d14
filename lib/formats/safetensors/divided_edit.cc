#include "formats/safetensors/divided_edit.h"

#include <map>

namespace ckpt::safetensors {

std::vector<Edit> divide(const Edit& edit, const Wishes& wishes,
                         const ExtentReader::Content& content, const Reader& original) {
  std::vector<Edit> edits(content.file_names.size());
  std::map<std::string_view, std::size_t> home;
  for (const auto& name : wishes.names) {
    const std::size_t shard = content.extents[name.entry].file;
    home[name.from] = shard;
    if (name.to.empty()) {
      edits[shard].drops.push_back(name.from);
    } else if (name.to != name.from) {
      edits[shard].moves.push_back({name.from, name.to});
    }
  }
  for (const Put& put : edit.puts) {
    const auto it = home.find(put.replaces);
    Put& own = edits[it == home.end() ? edits.size() - 1 : it->second].puts.emplace_back(put);
    own.produce = [&put, &original](const Reader&, const auto& take) {
      put.produce(original, take);
    };
  }
  return edits;
}

}  // namespace ckpt::safetensors
