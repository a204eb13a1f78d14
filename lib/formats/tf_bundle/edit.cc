#include "formats/tf_bundle/edit.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/edit/edit_lock.h"
#include "formats/edit/outcome.h"
#include "formats/edit/wishes.h"
#include "formats/io/sibling.h"
#include "formats/tf_bundle/crc32c.h"
#include "formats/tf_bundle/dtype.h"
#include "formats/tf_bundle/index.h"
#include "formats/tf_bundle/object_graph.h"
#include "formats/tf_bundle/paths.h"
#include "formats/tf_bundle/reader.h"
#include "formats/tf_bundle/rename.h"
#include "formats/tf_bundle/shard_files.h"
#include "formats/tf_bundle/shard_names.h"
#include "storage/change.h"
#include "storage/clone.h"
#include "storage/way_back.h"

namespace ckpt::tf {
namespace {

// Streams the new tensors to the end of a shard, and gives their entries.
std::map<std::string, BundleEntry> append_puts(const Edit& edit, const Reader& original,
                                               std::int32_t shard, ShardFiles& files) {
  std::map<std::string, BundleEntry> added;
  for (const Put& put : edit.puts) {
    BundleEntry entry{.type = type_number(put.spec.dtype), .shape = put.spec.shape, .shard = shard};
    const RandomFile* file = files.view(shard);
    entry.offset = file == nullptr ? 0 : static_cast<std::int64_t>(file->size());
    stream_put(put, original, [&](ByteView bytes) {
      files.append(shard, bytes);
      entry.crc = extend_crc32c(entry.crc, bytes);
      entry.size += static_cast<std::int64_t>(bytes.size());
    });
    entry.crc = mask_crc32c(entry.crc);
    added.emplace(put.spec.name, std::move(entry));
  }
  return added;
}

// New tensors lie in the shard that has the object graph, which is appended too, or in the first.
struct Shards {
  std::int32_t count = 0;
  std::int32_t to_grow = 0;
  bool big_endian = false;
};

Shards shards_of(const BundleIndex& bundle) {
  Shards shards{.count = bundle.header.num_shards, .big_endian = bundle.header.big_endian};
  for (const auto& variable : bundle.variables) {
    if (variable.name == kObjectGraphKey) shards.to_grow = variable.entry.shard;
  }
  return shards;
}

// What an interrupted run has left under the new name. Where nothing holds the name, nothing there
// is anybody's index.
void clean_up_target(const Change& change) {
  const LockedFile* old = change.old_decider();
  const auto index = old == nullptr ? nullptr : old->view();
  clean_up(index.get(), change.path());
}

}  // namespace

EditResult edit(const std::string& path, const std::string& target, const Edit& edit,
                const EditOptions& options) {
  const bool in_place = target.empty();
  if (in_place && options.in_place == InPlace::kJournal) {
    throw Error(Errc::kUnsupported,
                "cannot be changed under a journal, since its parts must move; `--how replace` "
                "puts a changed copy in its place");
  }
  if (in_place && options.repack) {
    throw Error(Errc::kInvalid, "a file is repacked to a new one, not in place");
  }
  const EditLock lock(index_of(path), in_place, options);
  const std::string& index_path = in_place ? lock.file().path() : index_of(path);
  const std::string target_prefix = in_place ? "" : prefix_of_index(target);
  const std::string new_path = in_place ? index_path : target_prefix + ".index";
  const auto old_index = lock.file().view();
  if (in_place && !options.plan_only) clean_up(old_index.get(), index_path);
  std::unique_ptr<Reader> original = open_bundle(*old_index, index_path);
  const Wishes wishes = resolve(original->index().entries, edit);
  EditResult result;
  result.size_before = result.size_after = original->index().file_bytes;
  if (options.plan_only || (in_place && !has_changes(wishes, edit))) {
    result.operations = operations_of(wishes, edit, options);
    return result;
  }

  std::optional<Change> change;
  if (in_place) {
    change.emplace(lock.file(), options.wait);
  } else {
    change.emplace(new_path, options.overwrite, options.wait, &lock.file());
    clean_up_target(*change);
    remove_old_shards(*change);
  }
  OtherChanges others;
  for (const auto& name : wishes.names) {
    if (name.to.empty()) others.drops.emplace(name.from);
  }
  const Shards shards = shards_of(read_bundle_index(*old_index));
  if (!in_place) {
    const std::int64_t count = free_count(target_prefix, shards.count);
    if (count != shards.count) others.shards = count;
    if (count != shards.count && options.overwrite == Overwrite::kNo) {
      throw orphan().in(base_name(shard_path(target_prefix, 0, shards.count)));
    }
  }
  if (shards.big_endian && !edit.puts.empty()) {
    throw Error(Errc::kUnsupported,
                "is big-endian, and new tensors are written little-endian; `ckpt convert` writes "
                "all of it anew");
  }
  const Before before(original->index());
  if (edit.puts.empty()) original.reset();
  ShardFiles files({prefix_of_index(index_path), shards.count},
                   {target_prefix, others.shards.value_or(shards.count)}, *change);
  if (original) {
    others.added = append_puts(edit, *original, shards.to_grow, files);
    original.reset();  // it holds the shards' locks
  }
  const auto rename = [&](std::string_view name) -> std::optional<std::string> {
    const auto it = std::ranges::lower_bound(wishes.names, name, {}, &Wishes::Name::from);
    if (it == wishes.names.end() || it->from != name || it->to.empty()) return std::nullopt;
    return std::string(it->to);
  };
  const RenamedIndex renamed = rename_in_bundle(
      *old_index, rename, [&](std::int32_t shard) { return files.view(shard); }, others);
  if (renamed.append) {
    files.append(renamed.append->shard, as_byte_view(std::string_view(renamed.append->bytes)));
  }
  files.finish();
  NewFile& index = change->decider();
  index.write_at(0, as_byte_view(std::string_view(renamed.index)));
  const auto written = view_file(index.fd());
  result.operations = operations_of(wishes, edit, options);
  result.how = in_place ? EditResult::How::kReplaced : EditResult::How::kNewFile;
  for (const auto& [name, entry] : others.added) {
    result.tensor_bytes += static_cast<std::uint64_t>(entry.size);
  }
  result.size_before = old_index->size() + files.bytes();
  result.size_after = written->size() + files.bytes();
  result.patched_bytes = written->size();
  result.fingerprint = fingerprint_of(*written);
  if (in_place) {
    result.can_undo = true;
    result.undo = make_undo(*old_index, *written, {});
    result.undo.grown = files.grown();
  } else {
    copy_metadata(lock.fd(), index.fd(), false);
  }
  if (files.has_links()) {
    result.notes.emplace_back(
        "the new bundle has its data shards in common with the old one (hard links); programs that "
        "write a checkpoint anew do no harm, one that changed a shard itself would change both");
  }
  change->commit([&] {
    check_outcome(before, wishes, edit, open_bundle(*written, new_path)->index());
    if (options.before_commit) options.before_commit(result);
  });
  for (const std::string& note : change->notes()) result.notes.push_back(note);
  return result;
}

void undo(const std::string& path, const Undo& undo, const EditOptions& options) {
  const EditLock lock(index_of(path), true, options);
  const std::string& index_path = lock.file().path();
  const auto index = lock.file().view();
  if (!options.plan_only) clean_up(index.get(), index_path);
  check_undo(*index, undo);
  const bool is_index = undo.pieces.size() == 1 && undo.pieces[0].bytes.size() == undo.size_before;
  if (!is_index) throw Error(Errc::kCorrupt, "the undo data is not that of an index");
  const Bytes& restored = undo.pieces[0].bytes;
  const NeededShards now(index.get(), index_path);
  const NeededShards then(memory_file(restored).get(), index_path);
  for (const auto& file : undo.grown) {
    if (!now.names(file.name) || !then.names(file.name)) {
      throw Error(Errc::kCorrupt, cat("the undo data speaks of '", escape(file.name),
                                      "', which is no data shard of this bundle"));
    }
    if (then.bytes_of(file.name) > file.size_before) {
      throw Error(
          Errc::kCorrupt,
          cat("the undo data would cut ", escape(file.name), " to ", with_commas(file.size_before),
              " bytes, of which the old index speaks of ", with_commas(then.bytes_of(file.name))));
    }
    Change::check_size(file.name, stamp_of(beside(index_path, file.name)), file.size_after);
  }
  if (options.plan_only) return;
  Change change(lock.file(), options.wait);
  change.decider().write_at(0, restored);
  for (const auto& file : undo.grown) change.cut(file.name, file.size_before, file.size_after);
  change.commit();
}

Recovery recover(const LockedFile& file, Wait /*wait*/) {
  return clean_up(file.view().get(), file.path()) ? Recovery::kUndone : Recovery::kClean;
}

}  // namespace ckpt::tf
