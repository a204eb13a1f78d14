#include "formats/safetensors/new_set.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/edit/locked_file.h"
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

NewSet::NewSet(const std::string& index_path, const std::vector<std::string>& shards,
               Overwrite overwrite)
    : index_path_(index_path),
      stem_(stem_of_index(index_path)),
      overwrite_(overwrite),
      lock_(stem_) {
  if (is_there(index_path)) {
    // Programs that read the old set go on doing so; one that changes it would have to be alone.
    old_index_ = open_locked(index_path, LockFor::kReading);
    const auto index = view_file(old_index_.get());
    refuse_set_change(*index);
    old_shards_ = shards_of(*index, stem_);
  }
  static_cast<void>(AtomicFile(index_path, overwrite));  // throws where it may not be written
  for (const std::string& shard : shards) {
    change_.shards.push_back({.file = shard, .header = ""});
    made_.push_back(new_path(beside(index_path, shard)));
  }
  check_shards();
  sweep();
}

NewSet::~NewSet() {
  for (const std::string& file : made_) ::unlink(file.c_str());
}

void NewSet::sweep() const {
  const std::string folder = beside(stem_, "");
  std::error_code failure;
  std::filesystem::directory_iterator item(folder.empty() ? "." : folder, failure);
  for (; !failure && item != std::filesystem::directory_iterator(); item.increment(failure)) {
    const std::string name = item->path().filename();
    const auto shard = shard_of_new(name);
    if (shard && is_shard_name(*shard, stem_)) ::unlink(item->path().c_str());
  }
}

void NewSet::check_shards() const {
  if (overwrite_ == Overwrite::kYes) return;
  for (const auto& shard : change_.shards) {
    if (is_there(beside(index_path_, shard.file))) throw orphan().in(escape(shard.file));
  }
}

void NewSet::commit(std::string index) {
  change_.index = std::move(index);
  for (const std::string& old : old_shards_) {
    const bool stays =
        std::ranges::find(change_.shards, old, &SetChange::Shard::file) != change_.shards.end();
    if (!stays) change_.gone.push_back(old);
  }
  check_shards();  // it took a while
  record(index_path_, change_, overwrite_, [&] { made_.clear(); });
  finish(index_path_, change_, {});
}

}  // namespace ckpt::safetensors
