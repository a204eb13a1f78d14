#include "formats/tf_bundle/edit.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/raw_file.h"
#include "core/text.h"
#include "formats/edit/outcome.h"
#include "formats/edit/rewrite.h"
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
#include "formats/tf_bundle/succession.h"

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

}  // namespace

EditResult edit(const std::string& path, const std::string& target, const Edit& edit,
                const EditOptions& options) {
  const std::string index_path = index_of(path);
  const std::string target_prefix = target.empty() ? "" : prefix_of_index(target);
  Rewrite rewrite(index_path, target.empty() ? "" : target_prefix + ".index", options);
  std::unique_ptr<Reader> original = open_bundle(rewrite.original(), index_path);
  const Wishes wishes = resolve(original->index().entries, edit);
  EditResult result;
  result.size_before = result.size_after = original->index().file_bytes;
  if (options.plan_only || (target.empty() && !has_changes(wishes, edit))) {
    result.operations = operations_of(wishes, edit, options);
    return result;
  }
  if (!target.empty()) static_cast<void>(rewrite.out());  // is there room for it?

  OtherChanges others;
  for (const auto& name : wishes.names) {
    if (name.to.empty()) others.drops.emplace(name.from);
  }
  const Shards shards = shards_of(read_bundle_index(rewrite.original()));
  std::optional<Succession> succession;
  const std::string new_path = target.empty() ? index_path : target_prefix + ".index";
  if (!target.empty() && options.overwrite == Overwrite::kYes && is_there(new_path)) {
    succession.emplace(target_prefix, shards.count, options.overwrite);
    if (succession->count() != shards.count) others.shards = succession->count();
  }
  ShardFiles files({prefix_of_index(index_path), shards.count},
                   {target_prefix, others.shards.value_or(shards.count)}, options.overwrite);
  if (shards.big_endian && !edit.puts.empty()) {
    throw Error(Errc::kUnsupported,
                "is big-endian, and new tensors are written little-endian; `ckpt convert` writes "
                "all of it anew");
  }
  others.added = append_puts(edit, *original, shards.to_grow, files);
  const Before before(original->index());
  original.reset();  // it holds the shards' locks
  const auto rename = [&](std::string_view name) -> std::optional<std::string> {
    const auto it = std::ranges::lower_bound(wishes.names, name, {}, &Wishes::Name::from);
    if (it == wishes.names.end() || it->from != name || it->to.empty()) return std::nullopt;
    return std::string(it->to);
  };
  const RenamedIndex renamed = rename_in_bundle(
      rewrite.original(), rename, [&](std::int32_t shard) { return files.view(shard); }, others);
  if (renamed.append) {
    files.append(renamed.append->shard, as_byte_view(std::string_view(renamed.append->bytes)));
  }
  files.commit();
  if (succession) succession->add_empty_shards();
  rewrite.out().write_at(0, as_byte_view(std::string_view(renamed.index)));
  check_outcome(before, wishes, edit,
                open_bundle(*view_file(rewrite.out().fd()), new_path)->index());
  result.operations = operations_of(wishes, edit, options);
  result.undo.grown = files.grown();
  if (files.has_links()) {
    result.notes.emplace_back(
        "the new bundle has its data shards in common with the old one (hard links); programs that "
        "write a checkpoint anew do no harm, one that changed a shard itself would change both");
  }
  try {
    result = rewrite.commit(std::move(result), files.bytes());
  } catch (...) {
    if (rewrite.is_visible()) {
      files.keep();
      if (succession) succession->keep();
    }
    throw;
  }
  files.keep();
  if (succession) succession->finish();
  for (const auto& [name, entry] : others.added) {
    result.tensor_bytes += static_cast<std::uint64_t>(entry.size);
  }
  return result;
}

void undo(const std::string& path, const Undo& undo, InPlace) {
  const std::string index_path = index_of(path);
  std::vector<FileDescriptor> shards;
  for (const auto& file : undo.grown) {
    try {
      shards.push_back(open_locked(beside(index_path, file.name), LockFor::kWriting));
    } catch (const Error& e) {
      throw e.in(file.name);
    }
    if (view_file(shards.back().get())->size() != file.size_after) {
      throw Error(Errc::kConflict, cat("is not as the edit left it: ", file.name, " has ",
                                       with_commas(view_file(shards.back().get())->size()),
                                       " bytes, the edit left ", with_commas(file.size_after)));
    }
  }
  undo_rewrite(index_path, undo);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    set_size(shards[i].get(), undo.grown[i].size_before);
    sync_all(shards[i].get());
  }
}

}  // namespace ckpt::tf
