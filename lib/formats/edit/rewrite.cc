#include "formats/edit/rewrite.h"

#include "core/error.h"
#include "core/text.h"
#include "storage/clone.h"

namespace ckpt {
namespace {

constexpr std::uint64_t kMostUndoBytes = std::uint64_t{64} << 20U;

void put_back(Rewrite& rewrite, const Undo& undo) {
  for (const auto& piece : undo.pieces) rewrite.out().write_at(piece.offset, piece.bytes);
  for (const auto& part : undo.kept) rewrite.keep(part.after, part.before, part.size);
}

}  // namespace

Rewrite::Rewrite(const std::string& path, const std::string& target, const EditOptions& options)
    : target_(target),
      options_(options),
      undo_of_(UndoOf::kInPlace),
      lock_(path, target.empty(), options),
      original_(lock_.file().view()) {
  if (is_in_place() && options.in_place == InPlace::kJournal) {
    throw Error(Errc::kUnsupported,
                "cannot be changed under a journal, since its parts must move; `--how replace` "
                "puts a changed copy in its place");
  }
  if (is_in_place() && options.repack) {
    throw Error(Errc::kInvalid, "a file is repacked to a new one, not in place");
  }
}

Rewrite::Rewrite(const std::string& path, NewFile& out, const EditOptions& options, UndoOf undo_of)
    : options_(options),
      undo_of_(undo_of),
      lock_(path, false, options),
      original_(lock_.file().view()),
      given_(&out) {}

NewFile& Rewrite::out() {
  if (given_ != nullptr) return *given_;
  if (!own_) {
    own_ = std::make_unique<NewFile>(is_in_place() ? locked().path() : target_,
                                     is_in_place() ? Overwrite::kYes : options_.overwrite,
                                     options_.wait);
  }
  return *own_;
}

void Rewrite::keep(std::uint64_t before, std::uint64_t after, std::uint64_t size) {
  if (size == 0) return;
  copy_bytes(fd(), out().fd(), {before, after, size});
  kept_bytes_ += size;
  if (!wants_undo()) return;
  if (!kept_.empty()) {
    Undo::Kept& last = kept_.back();
    if (last.before + last.size == before && last.after + last.size == after) {
      last.size += size;
      return;
    }
  }
  kept_.push_back({before, after, size});
}

EditResult Rewrite::finish(EditResult result) {
  const auto written = view_file(out().fd());
  result.size_before = original_->size();
  result.size_after = written->size();
  const std::uint64_t replaced = original_->size() - kept_bytes_;
  result.patched_bytes = written->size() - kept_bytes_ - result.tensor_bytes;
  result.how = is_in_place() ? EditResult::How::kReplaced : EditResult::How::kNewFile;
  if (wants_undo()) {
    if (can_keep_for_undo(replaced, result)) {
      result.undo = make_undo(*original_, *written, std::move(kept_));
    }
    if (is_in_place()) note_other_names(locked(), result);
  }
  result.fingerprint = fingerprint_of(*written);
  // One that takes its place gets that when it does.
  if (!is_in_place()) copy_metadata(fd(), out().fd(), undo_of_ == UndoOf::kBoth);
  return result;
}

EditResult Rewrite::commit(EditResult result) {
  result = finish(std::move(result));
  if (options_.before_commit) options_.before_commit(result);
  if (is_in_place()) locked().check_unchanged();
  out().commit(is_in_place());
  for (const std::string& note : out().notes()) result.notes.push_back(note);
  return result;
}

bool can_keep_for_undo(std::uint64_t bytes, EditResult& result) {
  result.can_undo = bytes <= kMostUndoBytes;
  if (!result.can_undo) {
    result.notes.push_back(cat("it cannot be undone: ", with_commas(bytes),
                               " bytes of what was there are not there any more, and at most ",
                               with_commas(kMostUndoBytes), " are kept for that"));
  }
  return result.can_undo;
}

void undo_rewrite(const std::string& path, const Undo& undo, const EditOptions& options) {
  EditOptions own = options;
  own.before_commit = nullptr;
  if (own.in_place == InPlace::kJournal) own.in_place = InPlace::kAuto;
  Rewrite rewrite(path, "", own);
  check_undo(rewrite.original(), undo);
  if (options.plan_only) return;
  put_back(rewrite, undo);
  rewrite.locked().check_unchanged();
  rewrite.out().commit(true);
}

void undo_rewrite(const std::string& path, const Undo& undo, NewFile& out) {
  const EditOptions options;
  Rewrite rewrite(path, out, options, UndoOf::kNone);
  check_undo(rewrite.original(), undo);
  put_back(rewrite, undo);
  copy_metadata(rewrite.fd(), out.fd(), true);
}

}  // namespace ckpt
