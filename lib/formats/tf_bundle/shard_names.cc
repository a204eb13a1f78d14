#include "formats/tf_bundle/shard_names.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/system.h"
#include "core/text.h"
#include "formats/tf_bundle/index.h"
#include "formats/tf_bundle/paths.h"
#include "storage/intent.h"
#include "storage/raw_file.h"

namespace ckpt::tf {

std::int64_t free_count(const std::string& prefix, std::int64_t needed) {
  constexpr std::int64_t kMostTried = 99;
  const auto is_free = [&](std::int64_t count) {
    for (std::int64_t shard = 0; shard < count; ++shard) {
      if (is_there(shard_path(prefix, shard, count))) return false;
    }
    return true;
  };
  for (std::int64_t count = needed; count < needed + kMostTried; ++count) {
    if (is_free(count)) return count;
  }
  throw Error(Errc::kWrite, cat("there are data shards under ", kMostTried,
                                " names; remove those that no index needs, or give another name"));
}

NeededShards::NeededShards(const RandomFile* index, const std::string& index_path) {
  if (index == nullptr) return;
  try {
    const BundleIndex bundle = read_bundle_index(*index);
    const std::string prefix = prefix_of_index(index_path);
    const auto name_of = [&](std::int64_t shard) {
      return base_name(shard_path(prefix, shard, bundle.header.num_shards));
    };
    for (std::int64_t i = 0; i < bundle.header.num_shards; ++i) needed_[name_of(i)] = 0;
    for (const auto& variable : bundle.variables) {
      for (std::size_t p = 0; p < variable.piece_count(); ++p) {
        const BundleEntry& entry = variable.piece(p);
        std::uint64_t& bytes = needed_[name_of(entry.shard)];
        bytes = std::max(bytes, static_cast<std::uint64_t>(entry.offset) +
                                    static_cast<std::uint64_t>(entry.size));
      }
    }
  } catch (const Error&) {
    needed_.clear();
  }
}

std::uint64_t NeededShards::bytes_of(const std::string& shard) const {
  const auto it = needed_.find(shard);
  return it == needed_.end() ? 0 : it->second;
}

bool clean_up(const RandomFile* index, const std::string& index_path) {
  if (!has_abandoned_intent(index_path)) return false;
  const NeededShards needed(index, index_path);
  // An index that cannot be read may need anything.
  if (index != nullptr && needed.all().empty()) return false;
  const std::string start = cat(base_name(prefix_of_index(index_path)), ".data-");
  return take_back_intents(
      index_path, [&](const std::string& name) -> std::optional<std::uint64_t> {
        // What is called otherwise was never a shard of it, whatever an intent says.
        if (!name.starts_with(start)) return std::numeric_limits<std::uint64_t>::max();
        return needed.names(name) ? std::optional(needed.bytes_of(name)) : std::nullopt;
      });
}

void remove_old_shards(Change& change) {
  if (change.old_decider() == nullptr) return;
  const auto index = change.old_decider()->view();
  const NeededShards old(index.get(), change.path());
  for (const auto& [name, bytes] : old.all()) {
    if (is_there(change.path_of(name))) change.remove(name);
  }
}

}  // namespace ckpt::tf
