#include "formats/safetensors/edit.h"

#include "core/error.h"
#include "core/text.h"
#include "formats/edit/outcome.h"
#include "formats/edit/rewrite.h"
#include "formats/edit/wishes.h"
#include "formats/hdf5_edit/journal.h"
#include "formats/safetensors/edited_header.h"
#include "formats/safetensors/format.h"
#include "formats/safetensors/header_patch.h"
#include "formats/safetensors/header_text.h"

namespace ckpt::safetensors {
namespace {

std::unique_ptr<Reader> read(int fd, const std::string& path) {
  return kFormat.open(view_file(fd), path, {});
}

// The whole new file.
void write_file(Rewrite& rewrite, const Header& old, const EditedHeader& edited, const Edit& edit,
                const Reader& original, EditResult& result) {
  const std::string text = print_header(edited.header);
  const auto& rows = edited.header.tensors;
  const std::uint64_t data_bytes = rows.empty() ? 0 : rows[edited.parts.back().row].end;
  AtomicFile& out = rewrite.out();
  out.reserve(text.size() + data_bytes);
  out.resize(text.size() + data_bytes);
  out.write_at(0, as_byte_view(std::string_view(text)));
  // Stretches that stay together are copied at once.
  Undo::Kept run;
  for (const auto& part : edited.parts) {
    const Tensor& row = rows[part.row];
    std::uint64_t at = text.size() + row.begin;
    if (part.is_put) {
      stream_put(edit.puts[part.from], original, [&](ByteView bytes) {
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

}  // namespace

EditResult edit(const std::string& path, const std::string& target, const Edit& edit,
                const EditOptions& options, UndoOf undo_of) {
  EditOptions own = options;
  if (own.in_place == InPlace::kJournal) own.in_place = InPlace::kAuto;
  Rewrite rewrite(path, target, own, undo_of);
  const auto original = read(rewrite.fd(), path);
  Header old = read_header(rewrite.original());
  const Wishes wishes = resolve(original->index().entries, edit);
  EditedHeader edited = edit_header(old, wishes, edit);
  EditResult result;
  result.operations = operations_of(wishes, edit, options);
  result.size_before = result.size_after = rewrite.original().size();
  if (options.plan_only || (target.empty() && !has_changes(wishes, edit))) return result;
  result.notes = old.notes;

  const auto text = target.empty() ? header_in_place(old, edited, options) : std::nullopt;
  if (!text) {
    write_file(rewrite, old, edited, edit, *original, result);
    old = Header();  // both as large as the index that is read next
    edited = EditedHeader();
    check_outcome(Before(original->index()), wishes, edit, read(rewrite.out().fd(), path)->index());
    return rewrite.commit(std::move(result));
  }
  result.patched_bytes = text->size();
  result.can_undo = true;
  result.undo = undo_of_header(rewrite.original(), *text);
  if (options.before_commit) options.before_commit(result);
  apply_header(rewrite.fd(), *text);
  result.how = EditResult::How::kJournalled;
  return result;
}

std::optional<std::string> header_in_place(const Header& old, const EditedHeader& edited,
                                           const EditOptions& options) {
  if (options.in_place == InPlace::kReplace) return std::nullopt;
  const std::uint64_t room = old.data_start - 8;
  std::string text = print_header(edited.header, room);
  if (edited.is_data_same && text.size() == old.data_start) return text;
  if (options.in_place != InPlace::kJournal) return std::nullopt;
  throw Error(Errc::kUnsupported,
              cat("cannot be changed under a journal: ",
                  edited.is_data_same ? cat("the new header has ", text.size() - 8,
                                            " bytes, there is room for ", room)
                                      : std::string("its tensors must move"),
                  "; `--how replace` puts a changed copy in its place"));
}

void undo(const std::string& path, const Undo& undo, InPlace) {
  if (!is_of_header(undo)) return undo_rewrite(path, undo);
  const FileDescriptor locked = open_locked(path, LockFor::kReplacing);
  const auto file = view_file(locked.get());
  check_undo(*file, undo);
  apply_header(locked.get(), std::string(as_text(undo.pieces[0].bytes)));
}

Recovery recover(const std::string& path) {
  {
    const FileDescriptor locked = open_locked(path, LockFor::kReading);
    const auto file = view_file(locked.get());
    if (!kFormat.detect(*file)) return Recovery::kClean;
    try {
      static_cast<void>(read_header(*file));
      return Recovery::kClean;
    } catch (const Error& e) {
      if (e.code() != Errc::kIo) return Recovery::kClean;
    }
  }
  const FileDescriptor locked = open_locked(path, LockFor::kWriting);
  return hdf5::recover_journal(locked.get(), end_of_data(*view_file(locked.get())));
}

}  // namespace ckpt::safetensors
