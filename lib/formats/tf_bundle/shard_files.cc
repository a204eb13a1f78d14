#include "formats/tf_bundle/shard_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "core/escape.h"
#include "core/raw_file.h"
#include "core/text.h"
#include "formats/edit/clone.h"
#include "formats/edit/locked_file.h"
#include "formats/io/sibling.h"
#include "formats/tf_bundle/paths.h"

namespace ckpt::tf {
namespace {

std::string path_of(const ShardFiles::Names& names, std::int32_t shard) {
  return shard_path(names.prefix, shard, names.count);
}

}  // namespace

ShardFiles::ShardFiles(Names source, Names target, Overwrite overwrite)
    : source_(std::move(source)), target_(std::move(target)), overwrite_(overwrite) {
  for (std::int32_t i = 0; i < source_.count; ++i) {
    Shard shard{.path = path_of(source_, i)};
    try {
      shard.view = open_file(shard.path);
    } catch (const Error& e) {
      if (e.code() == Errc::kNotFound) continue;
      throw e.in(base_name(shard.path));
    }
    shard.size = shard.size_before = shard.view->size();
    shards_.emplace(i, std::move(shard));
  }
}

ShardFiles::~ShardFiles() {
  if (kept_) return;
  for (const std::string& path : created_) ::unlink(path.c_str());
  for (auto& [number, shard] : shards_) {
    if (shard.own)
      static_cast<void>(::ftruncate(shard.own.get(), static_cast<off_t>(shard.size_before)));
  }
}

ShardFiles::Shard* ShardFiles::find(std::int32_t shard) {
  const auto it = shards_.find(shard);
  return it == shards_.end() ? nullptr : &it->second;
}

std::string ShardFiles::target_of(std::int32_t shard) const {
  return path_of(is_in_place() ? source_ : target_, shard);
}

const RandomFile* ShardFiles::view(std::int32_t shard) {
  Shard* found = find(shard);
  if (found == nullptr) return nullptr;
  if (found->view->size() != found->size) {
    found->view = view_file(found->copy ? found->copy->fd() : found->own.get());
  }
  return found->view.get();
}

// Is the target a second name of the shard? Throws Error(kWrite) where it is another file, which may
// not be replaced.
bool ShardFiles::is_linked_already(const Shard& shard, const std::string& target) const {
  const FileStamp there = stamp_of(target);
  if (is_in_place() || there.inode == 0) return false;
  const FileStamp mine = stamp_of(shard.path);
  if (there.device == mine.device && there.inode == mine.inode) return true;
  if (overwrite_ == Overwrite::kNo) throw orphan();
  return false;
}

// In place a shard that another bundle has too, by a hard link, is copied as well.
void ShardFiles::start_appending(Shard& shard, const std::string& target) {
  if (shard.copy || shard.own) return;
  // The index is locked alone: that keeps other edits away. Readers of what is there do no harm.
  const FileDescriptor source = open_locked(shard.path, LockFor::kReading);
  if (is_in_place() && stamp_of(shard.path).links <= 1) {
    shard.own = reopen_for_writing(source.get());
    return;
  }
  static_cast<void>(is_linked_already(shard, target));
  shard.copy = std::make_unique<AtomicFile>(target, is_in_place() ? Overwrite::kYes : overwrite_);
  if (!clone_by_reference(source.get(), shard.copy->fd())) {
    copy_bytes(source.get(), shard.copy->fd(), {0, 0, shard.size});
  }
  copy_metadata(source.get(), shard.copy->fd(), is_in_place());
}

void ShardFiles::append(std::int32_t shard, ByteView bytes) {
  Shard* found = find(shard);
  if (found == nullptr) {
    throw Error(Errc::kNotFound, cat("its data shard ", base_name(path_of(source_, shard)),
                                     " is not there, and new bytes belong behind its end"));
  }
  start_appending(*found, target_of(shard));
  if (found->copy) {
    found->copy->write_at(found->size, bytes);
  } else {
    write_fully(found->own.get(), found->size, bytes);
  }
  found->size += bytes.size();
  found->view = view_file(found->copy ? found->copy->fd() : found->own.get());
}

void ShardFiles::commit() {
  for (std::int32_t i = 0; i < source_.count; ++i) {
    try {
      commit(i);
    } catch (const Error& e) {
      throw e.in(escape(base_name(target_of(i))));
    }
  }
}

void ShardFiles::commit(std::int32_t i) {
  Shard* shard = find(i);
  if (shard == nullptr) {
    if (is_in_place()) return;
    throw Error(Errc::kNotFound,
                cat("the data shard ", base_name(path_of(source_, i)),
                    ", of which it is a copy, is not there; without it the new bundle would not "
                    "be whole. In place (-i) the index alone is renamed"));
  }
  const std::string target = target_of(i);
  if (shard->own) sync_all(shard->own.get());
  if (shard->copy) {
    shard->copy->commit();
    if (!is_in_place()) created_.push_back(target);
  }
  if (is_in_place() || shard->copy) return;
  if (is_linked_already(*shard, target)) {
    has_links_ = true;
    return;
  }
  AtomicFile clone(target, overwrite_);
  const FileDescriptor source = open_locked(shard->path, LockFor::kReading);
  if (clone_by_reference(source.get(), clone.fd())) {
    copy_metadata(source.get(), clone.fd(), false);
    clone.commit();
  } else if (overwrite_ == Overwrite::kYes && ::unlink(target.c_str()) != 0 && errno != ENOENT) {
    throw Error(Errc::kWrite, cat("cannot be replaced: ", error_text(errno)));
  } else if (::linkat(AT_FDCWD, shard->path.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) ==
             0) {
    has_links_ = true;
  } else {
    copy_bytes(source.get(), clone.fd(), {0, 0, shard->size});
    copy_metadata(source.get(), clone.fd(), false);
    clone.commit();
  }
  created_.push_back(target);
}

std::uint64_t ShardFiles::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [number, shard] : shards_) sum += shard.size;
  return sum;
}

std::vector<Undo::Grown> ShardFiles::grown() const {
  std::vector<Undo::Grown> grown;
  for (const auto& [number, shard] : shards_) {
    if (shard.size != shard.size_before) {
      grown.push_back({base_name(shard.path), shard.size_before, shard.size});
    }
  }
  return grown;
}

}  // namespace ckpt::tf
