#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/edit.h"
#include "core/file.h"
#include "formats/edit/edit_lock.h"
#include "storage/new_file.h"
#include "storage/way_back.h"

namespace ckpt {

// Which edits get undo data: those in place, or also one to a new file, which the caller puts in
// the old one's place; or none.
enum class UndoOf : std::uint8_t { kInPlace, kBoth, kNone };

// A file that is written anew out of another one: for containers whose parts must move when a name
// grows. What stays the same is copied inside the kernel and never looked at; the rest is written
// by the caller. The new file appears whole, beside the old one or in its place, or not at all.
class Rewrite {
 public:
  // Locks the file at `path`: for reading, or alone where `target` is empty, so that the new file
  // takes its place. Throws Error: what EditLock() throws; kUnsupported where `options` ask for
  // what only a format that changes its file itself can do.
  Rewrite(const std::string& path, const std::string& target, const EditOptions& options);

  // To a new file that the caller commits. REQUIRES: commit() is not called.
  Rewrite(const std::string& path, NewFile& out, const EditOptions& options, UndoOf undo_of);

  [[nodiscard]] const RandomFile& original() const { return *original_; }
  [[nodiscard]] const LockedFile& locked() const { return lock_.file(); }
  [[nodiscard]] int fd() const { return lock_.fd(); }
  [[nodiscard]] bool is_in_place() const { return given_ == nullptr && target_.empty(); }

  // The new file, created when it is first asked for. Throws what NewFile throws.
  NewFile& out();

  // About so many calls of keep() are to come. Said early, what they are remembered by does not lie
  // in the way of all that the edit takes and gives back meanwhile.
  void expect_kept(std::size_t count) {
    if (wants_undo()) kept_.reserve(count);
  }

  // Copies `size` bytes of the original. Throws Error(kWrite, kIo).
  void keep(std::uint64_t before, std::uint64_t after, std::uint64_t size);

  // Fills in the result, with the undo data where it is wanted.
  EditResult finish(EditResult result);

  // The same, calls before_commit, and makes the file appear. Throws Error(kWrite) where another
  // program has changed the original meanwhile; what NewFile::commit() throws, and before_commit.
  EditResult commit(EditResult result);

 private:
  [[nodiscard]] bool wants_undo() const {
    return undo_of_ == UndoOf::kBoth || (undo_of_ == UndoOf::kInPlace && is_in_place());
  }

  std::string target_;
  const EditOptions& options_;
  UndoOf undo_of_;
  EditLock lock_;
  std::unique_ptr<RandomFile> original_;
  std::unique_ptr<NewFile> own_;
  NewFile* given_ = nullptr;
  std::uint64_t kept_bytes_ = 0;
  std::vector<Undo::Kept> kept_;  // where there is to be undo data
};

// Is that what an undoing needs to keep of the old file? A tensor that was dropped may have more
// than is worth it: then the result says that it cannot be undone, and why.
bool can_keep_for_undo(std::uint64_t bytes, EditResult& result);

// Gives the file at `path` every byte back that it had before a Rewrite in place, or, under
// EditOptions::plan_only, looks whether it could. Throws as check_undo() and Rewrite do.
// REQUIRES: undo.kept covers what the pieces do not, see Undo.
void undo_rewrite(const std::string& path, const Undo& undo, const EditOptions& options);

// The same into `out`, which the caller commits.
void undo_rewrite(const std::string& path, const Undo& undo, NewFile& out);

}  // namespace ckpt
