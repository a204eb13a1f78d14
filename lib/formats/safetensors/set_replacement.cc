#include "formats/safetensors/set_replacement.h"

#include <unistd.h>

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "formats/edit/locked_file.h"
#include "formats/hdf5_edit/journal.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/set_index.h"
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

bool SetReplacement::is_needed(const std::string& index_path, std::span<const std::string> shards) {
  return is_there(index_path) || std::ranges::any_of(shards, [&](const std::string& shard) {
           return is_there(beside(index_path, shard));
         });
}

SetReplacement::SetReplacement(const std::string& index_path) : index_path_(index_path) {
  if (!is_there(index_path)) return;
  // Programs that read the old set go on doing so; one that changes it would have to be alone.
  locked_ = open_locked(index_path, LockFor::kReading);
  const auto index = view_file(locked_.get());
  if (is_set_change(*index)) throw Error(Errc::kIo, std::string(hdf5::kInterrupted));
  old_shards_ = shards_of(*index, stem_of_index(index_path));
}

SetReplacement::~SetReplacement() {
  for (const std::string& file : made_) ::unlink(file.c_str());
}

std::string SetReplacement::add(const std::string& shard) {
  change_.shards.push_back({.file = shard, .header = ""});
  return made_.emplace_back(new_path(beside(index_path_, shard)));
}

void SetReplacement::commit(std::string index) {
  change_.index = std::move(index);
  for (const std::string& old : old_shards_) {
    const bool stays =
        std::ranges::find(change_.shards, old, &SetChange::Shard::file) != change_.shards.end();
    if (!stays) change_.gone.push_back(old);
  }
  record(index_path_, change_, [&] { made_.clear(); });
  finish(index_path_, change_, {});
}

}  // namespace ckpt::safetensors
