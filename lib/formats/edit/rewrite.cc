#include "formats/edit/rewrite.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "formats/edit/checksum.h"
#include "formats/edit/clone.h"

namespace ckpt {
namespace {

// Old bytes that are worth keeping for a way back; a tensor that was dropped may have more.
constexpr std::uint64_t kMostUndoBytes = std::uint64_t{64} << 20U;
constexpr std::uint64_t kBlock = std::uint64_t{1} << 20U;

// Gives offset and size of what `kept` leaves over of a file of that size. REQUIRES: it is sorted
// by its `offset` in that file.
template <typename Take>
void for_each_gap(const std::vector<Undo::Kept>& kept, std::uint64_t Undo::Kept::*offset,
                  std::uint64_t size, Take take) {
  std::uint64_t end = 0;
  for (const Undo::Kept& part : kept) {
    if (part.*offset > end) take(end, part.*offset - end);
    end = std::max(end, part.*offset + part.size);
  }
  if (end < size) take(end, size - end);
}

// The digest of all that was not kept of the file after an edit.
Undo::Digest digest_of_rest(const RandomFile& file, std::vector<Undo::Kept> kept) {
  std::ranges::sort(kept, {}, &Undo::Kept::after);
  Checksum sum;
  Bytes block;
  for_each_gap(kept, &Undo::Kept::after, file.size(), [&](auto offset, auto size) {
    sum.add_number(offset);
    sum.add_number(size);
    for (std::uint64_t done = 0; done < size; done += block.size()) {
      block.resize(static_cast<std::size_t>(std::min(kBlock, size - done)));
      file.read_at(offset + done, block);
      sum.add(block);
    }
  });
  return sum.value();
}

}  // namespace

Rewrite::Rewrite(const std::string& path, const std::string& target, const EditOptions& options,
                 UndoOf undo_of)
    : path_(path), target_(target), options_(options), undo_of_(undo_of) {
  if (is_in_place() && options.in_place == InPlace::kJournal) {
    throw Error(Errc::kUnsupported,
                "cannot be changed under a journal, since its parts must move; `--how replace` "
                "puts a changed copy in its place");
  }
  if (is_in_place() && options.repack) {
    throw Error(Errc::kInvalid, "a file is repacked to a new one, not in place");
  }
  locked_ = open_locked(path, is_in_place() ? LockFor::kReplacing : LockFor::kReading);
  stamp_ = stamp_of(fd());
  original_ = view_file(fd());
}

AtomicFile& Rewrite::out() {
  if (!out_) {
    out_ = std::make_unique<AtomicFile>(is_in_place() ? path_ : target_,
                                        is_in_place() ? Overwrite::kYes : options_.overwrite);
  }
  return *out_;
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

EditResult Rewrite::commit(EditResult result, std::uint64_t beside) {
  const auto written = view_file(out().fd());
  result.size_before = original_->size() + beside;
  result.size_after = written->size() + beside;
  const std::uint64_t replaced = original_->size() - kept_bytes_;
  result.patched_bytes = written->size() - kept_bytes_ - result.tensor_bytes;
  result.how = is_in_place() ? EditResult::How::kReplaced : EditResult::How::kNewFile;
  if (wants_undo()) {
    result.can_undo = replaced <= kMostUndoBytes;
    if (result.can_undo) {
      auto grown = std::move(result.undo.grown);
      result.undo = make_undo(*original_, *written, std::move(kept_));
      result.undo.grown = std::move(grown);
    } else {
      result.notes.push_back(cat("it cannot be undone: ", with_commas(replaced),
                                 " bytes of the old file are not in the new one, and at most ",
                                 with_commas(kMostUndoBytes), " are kept for that"));
    }
    if (is_in_place() && stamp_.links > 1) {
      result.notes.push_back(cat("the file has ", stamp_.links - 1,
                                 " more names (hard links), under which it stays as it was"));
    }
  }
  if (options_.before_commit) options_.before_commit(result);
  copy_metadata(fd(), out_->fd(), is_in_place());
  if (is_in_place() && stamp_of(path_) != stamp_) {
    throw Error(Errc::kIo,
                "was changed by another program while it was edited; nothing was written");
  }
  out_->commit();
  return result;
}

bool Rewrite::is_visible() const {
  if (!out_) return false;
  const FileStamp mine = stamp_of(out_->fd());
  const FileStamp there = stamp_of(is_in_place() ? path_ : target_);
  return mine.device == there.device && mine.inode == there.inode;
}

Undo::Digest digest_of_pieces(const Undo& undo) {
  Checksum sum;
  for (const auto& piece : undo.pieces) {
    sum.add_number(piece.offset);
    sum.add_number(piece.bytes.size());
    sum.add(piece.bytes);
  }
  return sum.value();
}

Undo make_undo(const RandomFile& before, const RandomFile& after, std::vector<Undo::Kept> kept) {
  std::ranges::sort(kept, {}, &Undo::Kept::before);
  Undo undo{.size_before = before.size(), .size_after = after.size()};
  undo.pieces.reserve(kept.size() + 1);
  for_each_gap(kept, &Undo::Kept::before, before.size(), [&](auto offset, auto size) {
    Bytes bytes(static_cast<std::size_t>(size));
    before.read_at(offset, bytes);
    undo.pieces.push_back({offset, std::move(bytes)});
  });
  undo.digest_before = digest_of_pieces(undo);
  undo.digest_after = digest_of_rest(after, kept);
  undo.kept = std::move(kept);
  return undo;
}

void check_undo(const RandomFile& file, const Undo& undo) {
  check_undo(file, undo, [&] { return digest_of_rest(file, undo.kept); });
}

void check_undo(const RandomFile& file, const Undo& undo,
                const std::function<Undo::Digest()>& digest) {
  if (digest_of_pieces(undo) != undo.digest_before) {
    throw Error(Errc::kCorrupt, "the undo data has been damaged: its checksum does not match");
  }
  if (file.size() != undo.size_after) {
    throw Error(Errc::kConflict,
                cat("is not as the edit left it: it has ", with_commas(file.size()),
                    " bytes, the edit left ", with_commas(undo.size_after)));
  }
  if (digest() != undo.digest_after) {
    throw Error(Errc::kConflict,
                "is not as the edit left it: it was changed where the edit had changed it");
  }
}

void undo_rewrite(const std::string& path, const Undo& undo, const std::string& target) {
  const EditOptions options{.overwrite = Overwrite::kYes};
  Rewrite rewrite(path, target, options, UndoOf::kNone);
  check_undo(rewrite.original(), undo);
  for (const auto& piece : undo.pieces) rewrite.out().write_at(piece.offset, piece.bytes);
  for (const auto& part : undo.kept) rewrite.keep(part.after, part.before, part.size);
  static_cast<void>(rewrite.commit({}));
}

}  // namespace ckpt
