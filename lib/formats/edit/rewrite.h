#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/edit.h"
#include "core/atomic_file.h"
#include "core/file.h"
#include "core/system.h"
#include "formats/edit/locked_file.h"

namespace ckpt {

// Which edits get undo data: those in place, or also one to a new file, which the caller puts in
// the old one's place; or none.
enum class UndoOf : std::uint8_t { kInPlace, kBoth, kNone };

// A file that is written anew out of another one: for containers whose parts must move when a name
// grows. What stays the same is copied inside the kernel and never looked at; the rest is written
// by the caller. The new file appears whole, beside the old one or in its place, or not at all.
class Rewrite {
 public:
  // Opens the file at `path` and locks it: for reading, or alone where `target` is empty, so that
  // the new file takes its place. Throws Error: what open_locked() throws; kUnsupported where
  // `options` ask for what only a format that changes its file itself can do.
  Rewrite(const std::string& path, const std::string& target, const EditOptions& options,
          UndoOf undo_of = UndoOf::kInPlace);

  [[nodiscard]] const RandomFile& original() const { return *original_; }
  [[nodiscard]] int fd() const { return locked_.get(); }
  [[nodiscard]] bool is_in_place() const { return target_.empty(); }

  // The new file, created when it is first asked for. Throws what AtomicFile throws.
  AtomicFile& out();

  // About so many calls of keep() are to come. Said early, what they are remembered by does not lie
  // in the way of all that the edit takes and gives back meanwhile.
  void expect_kept(std::size_t count) {
    if (wants_undo()) kept_.reserve(count);
  }

  // Copies `size` bytes of the original. Throws Error(kWrite, kIo).
  void keep(std::uint64_t before, std::uint64_t after, std::uint64_t size);

  // Fills in the result, with the undo data of an edit in place; calls before_commit; makes the
  // file appear. Of a checkpoint in several files this is the index, which comes last: `beside` are
  // the others' bytes, and result.undo.grown says what was appended to them.
  // Throws Error: kIo where another program has changed the original meanwhile; what
  // AtomicFile::commit() throws, and before_commit.
  EditResult commit(EditResult result, std::uint64_t beside = 0);

  // Has the new file its name? Also where commit() failed afterwards, to flush the folder.
  [[nodiscard]] bool is_visible() const;

 private:
  [[nodiscard]] bool wants_undo() const {
    return undo_of_ == UndoOf::kBoth || (undo_of_ == UndoOf::kInPlace && is_in_place());
  }

  std::string path_;
  std::string target_;
  const EditOptions& options_;
  UndoOf undo_of_;
  FileDescriptor locked_;
  FileStamp stamp_;
  std::unique_ptr<RandomFile> original_;
  std::unique_ptr<AtomicFile> out_;
  std::uint64_t kept_bytes_ = 0;
  std::vector<Undo::Kept> kept_;  // where there is to be undo data
};

// The way back: what `before` has where it is not kept, and where the rest is now.
Undo make_undo(const RandomFile& before, const RandomFile& after, std::vector<Undo::Kept> kept);

// What Undo::digest_before must be.
Undo::Digest digest_of_pieces(const Undo& undo);

// Throws Error: kCorrupt where the undo data is damaged, kConflict where `file` is not what the
// edit left.
void check_undo(const RandomFile& file, const Undo& undo);

// The same for an edit whose digest_after is what `digest` gives. That is asked only of a file that
// has the right length.
void check_undo(const RandomFile& file, const Undo& undo,
                const std::function<Undo::Digest()>& digest);

// Gives the file at `path` every byte back that it had before a Rewrite in place. Throws as
// check_undo() and Rewrite do. REQUIRES: undo.kept covers what the pieces do not, see Undo.
// With a `target` the file is left, and is there as it was before.
void undo_rewrite(const std::string& path, const Undo& undo, const std::string& target = "");

}  // namespace ckpt
