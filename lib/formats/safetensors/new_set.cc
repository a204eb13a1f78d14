#include "formats/safetensors/new_set.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/set_index.h"
#include "formats/safetensors/set_record.h"
#include "formats/safetensors/shard_names.h"

namespace ckpt::safetensors {
namespace {

// The shards that an index names and that are called as a set of its name calls them; none where it
// is no index.
std::vector<std::string> shards_of(const RandomFile& index, const std::string& stem) {
  try {
    std::vector<std::string> shards = read_set_index(index).shards;
    std::erase_if(shards, [&](const std::string& shard) { return !is_shard_name(shard, stem); });
    return shards;
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

NewSet::NewSet(const std::string& index_path, const std::vector<std::string>& shards,
               Overwrite overwrite, Wait wait, const LockedFile* source)
    : change_(index_path, overwrite, wait, source) {
  if (overwrite == Overwrite::kNo) {
    for (const std::string& shard : shards) {
      if (is_there(change_.path_of(shard))) throw orphan().in(escape(shard));
    }
  }
  if (change_.old_decider() == nullptr) return;
  const auto index = change_.old_decider()->view();
  refuse_set_record(*index);
  for (const std::string& old : shards_of(*index, stem_of_index(index_path))) {
    if (std::ranges::find(shards, old) == shards.end()) change_.remove(old);
  }
}

}  // namespace ckpt::safetensors
