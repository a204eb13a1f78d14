#include "formats/safetensors/edit_set.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/edit/edit_lock.h"
#include "formats/edit/rewrite.h"
#include "formats/edit/wishes.h"
#include "formats/safetensors/divided_edit.h"
#include "formats/safetensors/edit.h"
#include "formats/safetensors/format.h"
#include "formats/safetensors/header_patch.h"
#include "formats/safetensors/set_edit.h"
#include "formats/safetensors/set_record.h"
#include "formats/safetensors/shard_names.h"
#include "storage/change.h"
#include "storage/change_record.h"
#include "storage/patch.h"
#include "storage/way_back.h"

namespace ckpt::safetensors {
namespace {

using TakeHeader = std::function<void(const Header&)>;

// One shard: its new header, or a new file, with the way back. What it will hold goes to `after`.
EditResult edit_shard(Change& change, const std::string& shard, const Edit& edit,
                      const EditOptions& options, const TakeHeader& after) {
  const std::string path = change.path_of(shard);
  const LockedFile locked(path, LockFor::kReading, options.wait);
  const auto file = locked.view();
  const Header old = read_settled_header(*file);
  const Wishes wishes = wishes_of(old, edit);
  EditResult result;
  result.size_before = result.size_after = file->size();
  result.can_undo = true;
  if (!has_changes(wishes, edit)) {
    after(old);
    return result;
  }
  if (auto text = header_in_place(old, edit_header(old, wishes, edit), options)) {
    result.how = EditResult::How::kJournalled;
    result.undo = undo_of_header(*file, *text);
    result.patched_bytes = text->size();
    after(read_header(PatchedFile(*file, front_patch(*file, *text))));
    change.put_front(shard, std::move(*text), locked.stamp());
    return result;
  }
  EditOptions own = options;
  own.locked = &locked;
  own.planned_on.reset();
  own.before_commit = nullptr;
  own.in_place = InPlace::kAuto;
  NewFile& out = change.put(shard);
  result = edit_into(out, path, edit, own, UndoOf::kBoth);
  locked.check_unchanged();
  after(read_header(*view_file(out.fd())));
  return result;
}

// Adds what became of a shard to what becomes of the set; `replaced` counts what undoing them all
// keeps of the old files.
void add(EditResult& all, EditResult part, const std::string& shard, std::uint64_t& replaced) {
  using How = EditResult::How;
  all.patched_bytes += part.patched_bytes;
  all.tensor_bytes += part.tensor_bytes;
  all.size_after += part.size_after;
  all.can_undo = all.can_undo && part.can_undo;
  for (const std::string& note : part.notes) all.notes.push_back(cat(escape(shard), ": ", note));
  if (part.how == How::kNothing) return;
  if (part.how != How::kJournalled) all.how = How::kReplaced;
  all.undo.beside_names.push_back(shard);
  for (const Undo::Piece& piece : part.undo.pieces) replaced += piece.bytes.size();
  if (all.can_undo && can_keep_for_undo(replaced, all)) {
    all.undo.beside.push_back(std::move(part.undo));
  } else {
    all.undo.beside.clear();
  }
}

// The way back of the index: all of its text.
Undo undo_of_index(const RandomFile& file, const std::string& text) {
  const ByteView bytes = as_byte_view(std::string_view(text));
  return make_undo(file, *memory_file(Bytes(bytes.begin(), bytes.end())), {});
}

// The first name that is a shard's neither by the index nor by how shards of this set are called;
// null where there is none. What a record or undo data says of others is not believed.
const std::string* find_stranger(const std::vector<std::string>& names,
                                 const std::string& index_path, const RandomFile& index) {
  const auto shards = read_set_index(index).shards;
  for (const std::string& name : names) {
    if (!is_shard_of(name, index_path) && std::ranges::find(shards, name) == shards.end()) {
      return &name;
    }
  }
  return nullptr;
}

}  // namespace

EditResult edit_set(const std::string& path, const Edit& edit, const EditOptions& options) {
  if (options.repack) throw Error(Errc::kInvalid, "a file is repacked to a new one, not in place");
  const EditLock lock(path, true, options);
  const auto file = lock.file().view();
  SetEdit set(*file, lock.file().path(), edit, options);
  auto& [index, content, wishes, before, all] = set;
  EditResult& result = all;
  if (options.plan_only || !has_changes(wishes, edit)) return std::move(result);

  Change change(lock.file(), options.wait);
  result.how = EditResult::How::kJournalled;
  result.can_undo = true;
  result.size_after = 0;
  std::uint64_t replaced = 0;
  SetOutcome outcome(set, edit);
  {
    // Both hold the shards' locks.
    const auto files = std::move(content.files);
    const auto original =
        edit.puts.empty() ? nullptr : kIndexFormat.open(lock.file().view(), path, {});
    const DividedEdit edits(edit, wishes, content, original.get());
    index.shards = std::move(content.file_names);
    content = ExtentReader::Content();
    for (std::size_t s = 0; s < files.size(); ++s) {
      const std::string& shard = index.shards[s];
      const auto see = [&](const Header& header) { outcome.see(header, s, shard); };
      try {
        add(result, edit_shard(change, shard, edits.of_shard(s), options, see), shard, replaced);
      } catch (const Error& e) {
        throw e.in(escape(shard));
      }
    }
  }
  const std::uint64_t total = outcome.finish();
  const auto metadata = index.rest.find("metadata");
  if (metadata != index.rest.end() && metadata->contains("total_size")) {
    (*metadata)["total_size"] = total;
  }
  std::string text = print_set_index(std::move(index));
  result.patched_bytes += text.size();
  Undo undo = undo_of_index(*file, text);
  undo.beside_names = std::move(result.undo.beside_names);
  undo.beside = std::move(result.undo.beside);
  change.decider().write_at(0, as_byte_view(std::string_view(text)));
  text = std::string();
  const auto new_index = view_file(change.decider().fd());
  if (const auto* name = find_stranger(undo.beside_names, lock.file().path(), *new_index)) {
    throw Error(Errc::kUnsupported,
                cat("'", escape(*name),
                    "' would hold no variable any more, and by its name it is no shard of this "
                    "set, so that the edit could not be undone; a remap to a new name leaves it "
                    "out"));
  }
  result.undo = std::move(undo);
  result.fingerprint = fingerprint_of(*new_index);
  change.commit(
      [&] {
        if (options.before_commit) options.before_commit(result);
      },
      print_set_record);
  for (const std::string& note : change.notes()) result.notes.push_back(note);
  return std::move(result);
}

void undo_shards(const std::string& path, const Undo& undo, const EditOptions& options) {
  const EditLock lock(path, true, options);
  auto index = lock.file().view();
  // Whether it fits is asked of a set whose edit was interrupted, too.
  ChangeRecord record;
  std::optional<RecordedChange> pending;
  if (options.plan_only && is_set_record(*index)) {
    record = parse_set_record(*index, lock.file().path());
    pending.emplace(lock.file().path(), record);
    const ByteView text = as_byte_view(std::string_view(record.decider));
    index = memory_file(Bytes(text.begin(), text.end()));
  }
  refuse_set_record(*index);
  check_undo(*index, undo);
  if (undo.pieces.size() != 1) throw Error(Errc::kCorrupt, "the undo data is not that of an index");
  const Bytes& text = undo.pieces[0].bytes;
  if (const auto* name = find_stranger(undo.beside_names, lock.file().path(), *index)) {
    throw Error(Errc::kCorrupt, cat("the undo data speaks of '", escape(*name),
                                    "', which is no shard of this set"));
  }
  Change change(lock.file(), options.wait);
  for (std::size_t i = 0; i < undo.beside.size(); ++i) {
    const std::string& shard = undo.beside_names[i];
    const Undo& own = undo.beside[i];
    try {
      const std::string shard_path = change.path_of(shard);
      const LockedFile locked(shard_path, LockFor::kReading, options.wait);
      const auto settled = pending ? pending->open(shard) : nullptr;
      check_undo(settled ? *settled : *locked.view(), own);
      if (options.plan_only) continue;
      if (is_of_header(own)) {
        change.put_front(shard, std::string(as_text(own.pieces[0].bytes)), locked.stamp());
      } else {
        undo_rewrite(shard_path, own, change.put(shard));
      }
    } catch (const Error& e) {
      throw e.in(escape(shard));
    }
  }
  if (options.plan_only) return;
  change.decider().write_at(0, text);
  change.commit({}, print_set_record);
}

}  // namespace ckpt::safetensors
