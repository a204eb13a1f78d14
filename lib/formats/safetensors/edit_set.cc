#include "formats/safetensors/edit_set.h"

#include <unistd.h>

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/edit/locked_file.h"
#include "formats/edit/rewrite.h"
#include "formats/edit/wishes.h"
#include "formats/io/json.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/divided_edit.h"
#include "formats/safetensors/edit.h"
#include "formats/safetensors/format.h"
#include "formats/safetensors/header_patch.h"
#include "formats/safetensors/set_change.h"
#include "formats/safetensors/set_edit.h"

namespace ckpt::safetensors {
namespace {

// A change of the set at `path` as it comes together. Its new files go away with it unless it is
// carried out.
class Draft {
 public:
  explicit Draft(const std::string& path) : path_(path) {}
  ~Draft() {
    for (const std::string& file : made_) ::unlink(file.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  [[nodiscard]] std::string path_of(const std::string& shard) const { return beside(path_, shard); }

  // The shard is to get this header.
  void put_header(const std::string& shard, const std::string& text) { put(shard, text); }

  // The shard is to be replaced by the file that comes to lie here.
  std::string put_file(const std::string& shard) {
    put(shard, "");
    return made_.emplace_back(new_path(path_of(shard)));
  }

  void put_index(std::string text) { change_.index = std::move(text); }

  // Locks what is to change. Throws Error(kIo) where another program has it open, or has changed it
  // since it was put here.
  void lock() {
    for (std::size_t i = 0; i < change_.shards.size(); ++i) {
      const std::string& shard = change_.shards[i].file;
      try {
        FileDescriptor fd = open_locked(path_of(shard), LockFor::kWriting);
        if (stamp_of(fd.get()) != stamps_[i]) {
          throw Error(Errc::kIo,
                      "was changed by another program while it was edited; nothing was written");
        }
        locks_[shard] = std::move(fd);
      } catch (const Error& e) {
        throw e.in(escape(shard));
      }
    }
  }

  // REQUIRES: locked.
  void carry_out() {
    record(path_, change_, Overwrite::kYes, [&] { made_.clear(); });
    finish(path_, change_, locks_);
  }

 private:
  void put(const std::string& shard, const std::string& header) {
    stamps_.push_back(stamp_of(path_of(shard)));
    change_.shards.push_back({shard, header});
  }

  const std::string& path_;
  SetChange change_;
  std::vector<FileStamp> stamps_;  // of each shard that changes
  SetLocks locks_;
  std::vector<std::string> made_;
};

using TakeHeader = std::function<void(const Header&)>;

// One shard: its new header, or a new file, with the way back. What it will hold goes to `after`.
EditResult edit_shard(Draft& draft, const std::string& shard, const Edit& edit,
                      const EditOptions& options, const TakeHeader& after) {
  const std::string path = draft.path_of(shard);
  const auto file = open_file(path);
  const Header old = read_header(*file);
  const Wishes wishes = wishes_of(old, edit);
  EditResult result;
  result.size_before = result.size_after = file->size();
  result.can_undo = true;
  if (!has_changes(wishes, edit)) {
    after(old);
    return result;
  }
  if (const auto text = header_in_place(old, edit_header(old, wishes, edit), options)) {
    draft.put_header(shard, *text);
    result.how = EditResult::How::kJournalled;
    result.undo = undo_of_header(*file, *text);
    result.patched_bytes = text->size();
    const hdf5::Patch patch = header_patch(*file, *text);
    after(read_header(hdf5::PatchedFile(*file, patch)));
    return result;
  }
  EditOptions own = options;
  own.overwrite = Overwrite::kYes;  // what an edit that was killed has left
  own.before_commit = nullptr;
  own.in_place = InPlace::kAuto;
  const std::string made = draft.put_file(shard);
  result = safetensors::edit(path, made, edit, own, UndoOf::kBoth);
  after(read_header(*open_file(made)));
  return result;
}

// Adds what became of a shard to what becomes of the set.
void add(EditResult& all, EditResult part, const std::string& shard) {
  using How = EditResult::How;
  all.patched_bytes += part.patched_bytes;
  all.tensor_bytes += part.tensor_bytes;
  all.size_after += part.size_after;
  all.can_undo = all.can_undo && part.can_undo;
  for (const std::string& note : part.notes) all.notes.push_back(cat(escape(shard), ": ", note));
  if (part.how == How::kNothing) return;
  if (part.how != How::kJournalled) all.how = How::kReplaced;
  all.undo.beside_names.push_back(shard);
  all.undo.beside.push_back(std::move(part.undo));
}

// The way back of the index: all of its text.
Undo undo_of_index(const RandomFile& file, const std::string& text) {
  const ByteView bytes = as_byte_view(std::string_view(text));
  return make_undo(file, *memory_file(Bytes(bytes.begin(), bytes.end())), {});
}

}  // namespace

EditResult edit_set(const std::string& path, const Edit& edit, const EditOptions& options) {
  if (options.repack) throw Error(Errc::kInvalid, "a file is repacked to a new one, not in place");
  const FileDescriptor locked =
      open_locked(path, options.plan_only ? LockFor::kReading : LockFor::kReplacing);
  const auto file = view_file(locked.get());
  SetEdit set(*file, path, edit, options);
  auto& [index, content, wishes, before, result] = set;
  if (options.plan_only || !has_changes(wishes, edit)) return std::move(result);

  Draft draft(path);
  result.how = EditResult::How::kJournalled;
  result.can_undo = true;
  result.size_after = 0;
  SetOutcome outcome(set, edit);
  {
    // Both hold the shards' locks.
    const auto files = std::move(content.files);
    const auto original =
        edit.puts.empty() ? nullptr : kIndexFormat.open(view_file(locked.get()), path, {});
    const DividedEdit edits(edit, wishes, content, original.get());
    index.shards = std::move(content.file_names);
    content = ExtentReader::Content();
    for (std::size_t s = 0; s < files.size(); ++s) {
      const std::string& shard = index.shards[s];
      const auto see = [&](const Header& header) { outcome.see(header, s, shard); };
      try {
        add(result, edit_shard(draft, shard, edits.of_shard(s), options, see), shard);
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
  draft.put_index(std::move(text));
  undo.beside_names = std::move(result.undo.beside_names);
  undo.beside = std::move(result.undo.beside);
  result.undo = std::move(undo);
  draft.lock();
  if (options.before_commit) options.before_commit(result);
  draft.carry_out();
  return std::move(result);
}

void undo_shards(const std::string& path, const Undo& undo, InPlace) {
  const FileDescriptor locked = open_locked(path, LockFor::kReplacing);
  check_undo(*view_file(locked.get()), undo);
  Draft draft(path);
  for (std::size_t i = 0; i < undo.beside.size(); ++i) {
    const std::string& shard = undo.beside_names[i];
    const Undo& own = undo.beside[i];
    try {
      if (is_of_header(own)) {
        const auto file = open_file(draft.path_of(shard));
        check_undo(*file, own);
        draft.put_header(shard, std::string(as_text(own.pieces[0].bytes)));
      } else {
        undo_rewrite(draft.path_of(shard), own, draft.put_file(shard));
      }
    } catch (const Error& e) {
      throw e.in(escape(shard));
    }
  }
  if (undo.pieces.size() != 1) throw Error(Errc::kCorrupt, "the undo data is not that of an index");
  draft.put_index(std::string(as_text(undo.pieces[0].bytes)));
  draft.lock();
  draft.carry_out();
}

}  // namespace ckpt::safetensors
