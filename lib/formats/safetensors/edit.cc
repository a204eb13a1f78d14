#include "formats/safetensors/edit.h"

#include "core/blocks.h"
#include "core/error.h"
#include "core/text.h"
#include "formats/edit/outcome.h"
#include "formats/edit/rewrite.h"
#include "formats/edit/wishes.h"
#include "formats/safetensors/edited_header.h"
#include "formats/safetensors/format.h"
#include "formats/safetensors/header_patch.h"
#include "formats/safetensors/header_text.h"
#include "formats/safetensors/shards.h"
#include "storage/journal.h"
#include "storage/patch.h"

namespace ckpt::safetensors {
namespace {

Before before_of(const Header& header) {
  Before before;
  for (const Tensor& tensor : header.tensors) before.add(entry_of(header, tensor, ""));
  return before;
}

void check_written(const RandomFile& file, const Before& before, const Wishes& wishes,
                   const Edit& edit) {
  const Header header = read_header(file);
  OutcomeCheck check(before, wishes, edit);
  for (const Tensor& tensor : header.tensors) {
    check.see(tensor.name, entry_of(header, tensor, ""));
  }
  check.finish();
}

// Writes the header to the front of the new file, and gives the bytes that it has.
std::uint64_t write_header(NewFile& out, const Header& header) {
  std::uint64_t at = header_prefix(0).size();
  Blocks blocks = blocks_into(out, at);
  const std::uint64_t size =
      write_header_json(header, 0, [&](std::string_view piece) { blocks.add(piece); });
  blocks.flush();
  out.write_at(0, as_byte_view(header_prefix(size)));
  return at;
}

// The whole new file. `original` may be null where there are no puts.
void write_file(Rewrite& rewrite, const Header& old, const EditedHeader& edited, const Edit& edit,
                const Reader* original, EditResult& result) {
  NewFile& out = rewrite.out();
  const std::uint64_t data_start = write_header(out, edited.header);
  const auto& rows = edited.header.tensors;
  const std::uint64_t data_bytes = rows.empty() ? 0 : rows[edited.parts.back().row].end;
  out.reserve(data_start + data_bytes);
  out.resize(data_start + data_bytes);
  // Stretches that stay together are copied at once.
  Undo::Kept run;
  for (const auto& part : edited.parts) {
    const Tensor& row = rows[part.row];
    std::uint64_t at = data_start + row.begin;
    if (part.is_put) {
      stream_put(edit.puts[part.from], *original, [&](ByteView bytes) {
        out.write_at(at, bytes);
        at += bytes.size();
      });
      result.tensor_bytes += row.end - row.begin;
      continue;
    }
    const std::uint64_t before = old.data_start + old.tensors[part.from].begin;
    if (run.before + run.size != before || run.after + run.size != at) {
      rewrite.keep(run.before, run.after, run.size);
      run = {before, at, 0};
    }
    run.size += row.end - row.begin;
  }
  rewrite.keep(run.before, run.after, run.size);
}

// What an edit of a file comes to, before it is visible: `header` alone, or all of rewrite.out().
struct Prepared {
  EditResult result;
  bool has_changes = false;
  std::optional<std::string> header;
};

Prepared prepare(Rewrite& rewrite, const std::string& path, const Edit& edit,
                 const EditOptions& options) {
  Prepared prepared;
  EditResult& result = prepared.result;
  result.size_before = result.size_after = rewrite.original().size();
  Header old = read_settled_header(rewrite.original());
  const Wishes wishes = wishes_of(old, edit);
  const Before before = before_of(old);
  EditedHeader edited = edit_header(old, wishes, edit);
  result.operations = operations_of(wishes, edit, options);
  prepared.has_changes =
      !options.plan_only && (!rewrite.is_in_place() || has_changes(wishes, edit));
  if (!prepared.has_changes) return prepared;
  result.notes = old.notes;
  if (rewrite.is_in_place()) prepared.header = header_in_place(old, edited, options);
  if (!prepared.header) {
    const auto original =
        edit.puts.empty() ? nullptr : kFormat.open(view_file(rewrite.fd()), path, {});
    write_file(rewrite, old, edited, edit, original.get(), result);
  }
  edited = EditedHeader();  // each as large as what is read next; only the old names are needed
  old.tensors = std::vector<Tensor>();
  if (prepared.header) {
    const Patch patch = front_patch(rewrite.original(), *prepared.header);
    check_written(PatchedFile(rewrite.original(), patch), before, wishes, edit);
  } else {
    check_written(*view_file(rewrite.out().fd()), before, wishes, edit);
  }
  return prepared;
}

}  // namespace

EditResult edit(const std::string& path, const std::string& target, const Edit& edit,
                const EditOptions& options) {
  EditOptions own = options;
  if (own.in_place == InPlace::kJournal) own.in_place = InPlace::kAuto;
  Rewrite rewrite(path, target, own);
  Prepared prepared = prepare(rewrite, path, edit, options);
  EditResult& result = prepared.result;
  if (!prepared.has_changes) return std::move(result);
  if (!prepared.header) return rewrite.commit(std::move(result));
  result.patched_bytes = prepared.header->size();
  result.can_undo = true;
  result.undo = undo_of_header(rewrite.original(), *prepared.header);
  if (options.before_commit) options.before_commit(result);
  apply_header(rewrite.locked(), *prepared.header);
  result.how = EditResult::How::kJournalled;
  return std::move(result);
}

EditResult edit_into(NewFile& out, const std::string& path, const Edit& edit,
                     const EditOptions& options, UndoOf undo_of) {
  Rewrite rewrite(path, out, options, undo_of);
  return rewrite.finish(prepare(rewrite, path, edit, options).result);
}

Wishes wishes_of(const Header& header, const Edit& edit) {
  std::vector<Wishes::Name> names;
  names.reserve(header.tensors.size());
  for (const Tensor& tensor : header.tensors) {
    const auto entry = static_cast<std::uint32_t>(names.size());
    names.push_back({entry, false, tensor.name, tensor.name});
  }
  return resolve(std::move(names), edit);
}

std::optional<std::string> header_in_place(const Header& old, const EditedHeader& edited,
                                           const EditOptions& options) {
  if (options.in_place == InPlace::kReplace) return std::nullopt;
  const std::uint64_t room = old.data_start - 8;
  const std::uint64_t needed = write_header_json(edited.header, room, [](std::string_view) {});
  if (edited.is_data_same && needed == room) return print_header(edited.header, room);
  if (options.in_place != InPlace::kJournal) return std::nullopt;
  throw Error(Errc::kUnsupported, cat("cannot be changed under a journal: ",
                                      edited.is_data_same ? cat("the new header has ", needed,
                                                                " bytes, there is room for ", room)
                                                          : std::string("its tensors must move"),
                                      "; `--how replace` puts a changed copy in its place"));
}

void undo(const std::string& path, const Undo& undo, const EditOptions& options) {
  if (!is_of_header(undo)) return undo_rewrite(path, undo, options);
  const EditLock lock(path, true, options, options.plan_only);
  // Whether it fits is asked of interrupted files, too.
  check_undo(*settle(lock.file().view()).file, undo);
  if (!options.plan_only) apply_header(lock.file(), std::string(as_text(undo.pieces[0].bytes)));
}

}  // namespace ckpt::safetensors
