#include "formats/edit/edit_lock.h"

#include "core/text.h"
#include "storage/journal.h"

namespace ckpt {

EditLock::EditLock(const std::string& path, bool in_place, const EditOptions& options, bool settles)
    : file_(options.locked) {
  // A plan alone changes nothing, so that it needs no more than to read.
  const bool changes = in_place && !options.plan_only;
  if (file_ == nullptr) {
    own_.emplace(path, changes ? LockFor::kChanging : LockFor::kReading, options.wait);
    file_ = &*own_;
  }
  if (!settles) check_not_interrupted(*file_->view(), 0);
  if (options.planned_on) check_same_state(*options.planned_on, file_->stamp());
  if (changes && options.in_place != InPlace::kReplace) file_->check_single_name();
}

void note_other_names(const LockedFile& file, EditResult& result) {
  if (file.stamp().links <= 1) return;
  result.notes.push_back(cat("the file has ", file.stamp().links - 1,
                             " more names (hard links), under which it stays as it was"));
}

}  // namespace ckpt
