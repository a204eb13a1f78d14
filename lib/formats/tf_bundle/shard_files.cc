#include "formats/tf_bundle/shard_files.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/tf_bundle/paths.h"
#include "storage/clone.h"

namespace ckpt::tf {
namespace {

std::string path_of(const ShardFiles::Names& names, std::int32_t shard) {
  return shard_path(names.prefix, shard, names.count);
}

}  // namespace

ShardFiles::ShardFiles(Names source, Names target, Change& change)
    : source_(std::move(source)), target_(std::move(target)), change_(change) {
  for (std::int32_t i = 0; i < source_.count; ++i) {
    Shard shard{.path = path_of(source_, i), .view = nullptr};
    try {
      shard.view = open_file(shard.path);
    } catch (const Error& e) {
      if (e.code() == Errc::kNotFound) continue;
      throw e.in(base_name(shard.path));
    }
    shard.size = shard.size_before = shard.view->size();
    // Its lock would be in the way of an appending one; the index is locked anyway.
    if (is_in_place()) shard.view.reset();
    shards_.emplace(i, std::move(shard));
  }
}

ShardFiles::Shard* ShardFiles::find(std::int32_t shard) {
  const auto it = shards_.find(shard);
  return it == shards_.end() ? nullptr : &it->second;
}

// "P.data-00001-of-00002", without a folder.
std::string ShardFiles::target_of(std::int32_t shard) const {
  return base_name(path_of(is_in_place() ? source_ : target_, shard));
}

const RandomFile* ShardFiles::view(std::int32_t shard) {
  Shard* found = find(shard);
  if (found == nullptr) return nullptr;
  if (const RandomFile* appended = change_.appended(target_of(shard))) return appended;
  if (!found->view) found->view = open_file(found->path);
  return found->view.get();
}

void ShardFiles::append(std::int32_t shard, ByteView bytes) {
  Shard* found = find(shard);
  if (found == nullptr) {
    throw Error(Errc::kNotFound, cat("its data shard ", base_name(path_of(source_, shard)),
                                     " is not there, and new bytes belong behind its end"));
  }
  if (is_in_place()) {
    found->view.reset();
    found->size = change_.append(target_of(shard), bytes);
    return;
  }
  if (found->copy == nullptr) {
    const LockedFile source(found->path, LockFor::kReading);
    found->copy = &change_.put(target_of(shard));
    if (!clone_by_reference(source.fd(), found->copy->fd())) {
      found->copy->reserve(found->size);
      copy_bytes(source.fd(), found->copy->fd(), {0, 0, found->size});
    }
    copy_metadata(source.fd(), found->copy->fd(), false);
  }
  found->copy->write_at(found->size, bytes);
  found->size += bytes.size();
  found->view = view_file(found->copy->fd());
}

void ShardFiles::finish() {
  for (auto& [number, shard] : shards_) shard.view.reset();
  if (is_in_place()) return;
  for (std::int32_t i = 0; i < source_.count; ++i) {
    const Shard* shard = find(i);
    if (shard == nullptr) {
      throw Error(Errc::kNotFound,
                  cat(escape(target_of(i)), ": the data shard ", base_name(path_of(source_, i)),
                      ", of which it is a copy, is not there; without it the new bundle would not "
                      "be whole. In place (-i) the index alone is renamed"));
    }
    if (shard->copy != nullptr) continue;
    has_links_ = change_.put_same(target_of(i), shard->path) || has_links_;
  }
  for (auto i = static_cast<std::int32_t>(source_.count); i < target_.count; ++i) {
    change_.put(target_of(i));
  }
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
