#include "formats/tf_bundle/succession.h"

#include <unistd.h>

#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "formats/edit/locked_file.h"
#include "formats/tf_bundle/index.h"
#include "formats/tf_bundle/paths.h"

namespace ckpt::tf {

Succession::Succession(std::string prefix, std::int64_t needed, Overwrite overwrite)
    : prefix_(std::move(prefix)), needed_(needed), lock_(prefix_) {
  const std::string index = prefix_ + ".index";
  const bool is_alone = !is_there(index);
  if (!is_alone) old_count_ = count_of_old(index);
  const bool may_replace = overwrite == Overwrite::kYes && (is_alone || old_count_ > 0);
  count_ = !may_replace ? free_count() : old_count_ == needed_ ? needed_ + 1 : needed_;
}

Succession::~Succession() {
  for (const std::string& path : made_) ::unlink(path.c_str());
}

std::int64_t Succession::count_of_old(const std::string& index) {
  if (std::filesystem::is_symlink(index)) {
    throw Error(Errc::kWrite,
                "is a symbolic link: the index that it leads to would be replaced, and its data "
                "shards would not; give that one's own name, or another");
  }
  old_index_ = open_locked(index, LockFor::kReading);
  try {
    return read_bundle_index(*view_file(old_index_.get())).header.num_shards;
  } catch (const Error&) {
    return 0;  // it may speak of any
  }
}

// The first count under which there is nothing.
std::int64_t Succession::free_count() const {
  constexpr std::int64_t kMostTried = 99;
  const auto is_free = [&](std::int64_t count) {
    for (std::int64_t shard = 0; shard < count; ++shard) {
      if (is_there(shard_path(prefix_, shard, count))) return false;
    }
    return true;
  };
  for (std::int64_t count = needed_; count < needed_ + kMostTried; ++count) {
    if (is_free(count)) return count;
  }
  throw Error(Errc::kWrite, cat("there are data shards without an index under ", kMostTried,
                                " names; give another name"));
}

void Succession::add_empty_shards() {
  for (std::int64_t shard = needed_; shard < count_; ++shard) {
    const std::string path = shard_path(prefix_, shard, count_);
    AtomicFile(path, Overwrite::kYes).commit();
    made_.push_back(path);
  }
}

void Succession::finish() {
  keep();
  for (std::int64_t shard = 0; shard < old_count_; ++shard) {
    ::unlink(shard_path(prefix_, shard, old_count_).c_str());
  }
}

}  // namespace ckpt::tf
