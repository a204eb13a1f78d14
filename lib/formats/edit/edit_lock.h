#pragma once

#include <optional>
#include <string>

#include "checkpoint/edit.h"
#include "storage/locked_file.h"

namespace ckpt {

// The lock under which a file is edited or undone: the one that the caller holds, or one of its
// own.
class EditLock {
 public:
  // On the file at `path`, alone where it is changed `in_place`. Throws Error: what LockedFile()
  // throws; kWrite where the file is not in the state that the edit was planned on, and where a
  // file with further names is to be edited in place, but for InPlace::kReplace.
  // One whose edit was interrupted is kIo, but where the caller `settles` it: it looks at what
  // recovery would leave, and changes nothing.
  EditLock(const std::string& path, bool in_place, const EditOptions& options,
           bool settles = false);

  [[nodiscard]] const LockedFile& file() const { return *file_; }
  [[nodiscard]] int fd() const { return file_->fd(); }

 private:
  std::optional<LockedFile> own_;
  const LockedFile* file_;
};

// Says of a file that was replaced which names have the old one still.
void note_other_names(const LockedFile& file, EditResult& result);

}  // namespace ckpt
