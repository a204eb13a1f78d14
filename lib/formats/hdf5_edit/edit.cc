#include "formats/hdf5_edit/edit.h"

#include <memory>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/edit/edit_lock.h"
#include "formats/edit/wishes.h"
#include "formats/h5parse/superblock.h"
#include "formats/hdf5/reader.h"
#include "formats/hdf5_edit/prepare.h"
#include "formats/hdf5_edit/repack.h"
#include "storage/clone.h"
#include "storage/journal.h"
#include "storage/new_file.h"
#include "storage/way_back.h"

namespace ckpt::hdf5 {
namespace {

// All that is written: pages, and tensors that come from elsewhere.
struct Change {
  Outcome outcome;
  FillRange fill;
};

// Streams the bytes of each Put into its room.
FillRange fill_from(const Edit& edit, const Reader* original) {
  return [&edit, original](std::size_t i, const std::function<void(ByteView)>& take) {
    stream_put(edit.puts[i], *original, take);
  };
}

void write_change(const RandomFile& original, NewFile& out, const Change& change) {
  out.resize(change.outcome.patch.size_after);
  write_windows(original, change.outcome.patch,
                [&](std::uint64_t at, ByteView bytes) { out.write_at(at, bytes); });
  for (std::size_t i = 0; i < change.outcome.created.size(); ++i) {
    std::uint64_t at = change.outcome.created[i].offset;
    change.fill(i, [&](ByteView bytes) {
      out.write_at(at, bytes);
      at += bytes.size();
    });
  }
}

// A copy of the file with the change.
class ChangedCopy {
 public:
  ChangedCopy(int original, const std::string& target, Overwrite overwrite, Wait wait)
      : original_(original), out_(target, overwrite, wait) {}

  // True where the file system shares blocks, so that copying costs nothing.
  bool clone() { return is_cloned_ = clone_by_reference(original_, out_.fd()); }

  void write(const Change& change) {
    if (!is_cloned_) {
      out_.reserve(change.outcome.patch.size_after);
      copy_bytes(original_, out_.fd(), {0, 0, change.outcome.patch.size_before});
    }
    write_change(*view_file(original_), out_, change);
    const auto written = view_file(out_.fd());
    check_written(*written, change.outcome);
  }

  [[nodiscard]] NewFile& file() { return out_; }

 private:
  int original_;
  NewFile out_;
  bool is_cloned_ = false;
};

// A clone for kAuto, where it costs nothing and loses nothing; empty where the journal is better.
std::unique_ptr<ChangedCopy> cheap_clone(const LockedFile& file, Wait wait) {
  try {
    auto copy = std::make_unique<ChangedCopy>(file.fd(), file.path(), Overwrite::kYes, wait);
    return copy->clone() ? std::move(copy) : nullptr;
  } catch (const Error&) {
    return nullptr;  // the folder may not be written
  }
}

// Applies the change to the locked file, and says in the result how.
void apply_in_place(const LockedFile& file, const EditOptions& options, const Change& change,
                    EditResult& result) {
  std::unique_ptr<ChangedCopy> copy;
  if (options.in_place == InPlace::kAuto) copy = cheap_clone(file, options.wait);
  result.cloned_by_reference = copy != nullptr;
  if (options.in_place == InPlace::kReplace) {
    copy = std::make_unique<ChangedCopy>(file.fd(), file.path(), Overwrite::kYes, options.wait);
    result.cloned_by_reference = copy->clone();
  }
  if (!copy) {
    file.check_unchanged();
    const std::uint64_t signature_at = h5parse::read_superblock(*file.view()).base;
    apply_with_journal(reopen_for_writing(file.fd()).get(), signature_at, change.outcome.patch,
                       change.outcome.created, change.fill);
    try {
      check_written(*file.view(), change.outcome);
    } catch (const Error& e) {
      throw Error(Errc::kUnfinished, cat("is edited, but ", e.what()));
    }
    result.how = EditResult::How::kJournalled;
    return;
  }
  copy->write(change);
  file.check_unchanged();
  copy->file().commit(true);
  result.how = EditResult::How::kReplaced;
  for (const std::string& note : copy->file().notes()) result.notes.push_back(note);
}

std::uint64_t settled_end(const RandomFile& file) {
  const std::uint64_t end = h5parse::read_superblock(file).end;
  check_not_interrupted(file, end);
  return end;
}

class Editor {
 public:
  Editor(const std::string& path, const std::string& target, const Edit& edit,
         const EditOptions& options)
      : path_(path), target_(target), edit_(edit), options_(options) {}

  EditResult run() {
    if (options_.repack && target_.empty()) {
      throw Error(Errc::kInvalid, "a file is repacked to a new one, not in place");
    }
    lock_.emplace(path_, target_.empty(), options_);
    fd_ = lock_->fd();
    const auto file = lock_->file().view();
    settled_end(*file);
    result_.size_before = result_.size_after = file->size();
    Prepared prepared = prepare(*file, {fd_, 0, file->size()}, edit_, options_);
    result_.operations = std::move(prepared.operations);
    result_.notes = std::move(prepared.notes);
    if (options_.plan_only) return std::move(result_);
    if (options_.repack) return repack(prepared.census, prepared.wishes);
    if (!prepared.has_operations && target_.empty()) return std::move(result_);
    Outcome outcome = std::move(prepared.outcome);
    prepared = Prepared();  // makes room for the receipt
    return write(*file, std::move(outcome));
  }

 private:
  EditResult write(const RandomFile& file, Outcome outcome) {
    Change change{std::move(outcome), {}};
    result_.patched_bytes = bytes_of(change.outcome.patch);
    result_.size_after = change.outcome.patch.size_after;
    result_.can_undo = target_.empty();
    for (const ByteRange& extent : change.outcome.created) {
      result_.tensor_bytes += extent.bytes;
      // Room inside the old file, as files have that keep a list of their free space.
      if (extent.bytes > 0 && extent.offset < file.size()) result_.can_undo = false;
    }
    if (result_.can_undo) result_.undo = make_undo(file, change.outcome.patch);
    std::unique_ptr<Reader> original;
    if (!edit_.puts.empty()) {
      original = open_hdf5(view_file(fd_), OpenOptions{.use_paths = options_.use_paths});
    }
    change.fill = fill_from(edit_, original.get());
    if (target_.empty()) {
      note_other_names(lock_->file(), result_);
      if (options_.before_commit) options_.before_commit(result_);
      apply_in_place(lock_->file(), options_, change, result_);
      return std::move(result_);
    }
    ChangedCopy copy(fd_, target_, options_.overwrite, options_.wait);
    result_.cloned_by_reference = copy.clone();
    copy.write(change);
    change.outcome = {};  // makes room for what follows
    static_cast<void>(open_hdf5(view_file(copy.file().fd()), OpenOptions{}));
    result_.fingerprint = fingerprint_of(*view_file(copy.file().fd()));
    if (options_.before_commit) options_.before_commit(result_);
    copy_metadata(fd_, copy.file().fd(), false);
    copy.file().commit();
    result_.how = EditResult::How::kNewFile;
    for (const std::string& note : copy.file().notes()) result_.notes.push_back(note);
    return std::move(result_);
  }

  EditResult repack(const Census& census, const Wishes& wishes) {
    const auto original = open_hdf5(view_file(fd_), OpenOptions{.use_paths = options_.use_paths});
    if (options_.before_commit) options_.before_commit(result_);
    result_.size_after =
        repack_native(*original, census, wishes, edit_, target_, options_.overwrite);
    result_.how = EditResult::How::kRepacked;
    return std::move(result_);
  }

  const std::string& path_;
  const std::string& target_;
  const Edit& edit_;
  const EditOptions& options_;
  std::optional<EditLock> lock_;
  int fd_ = -1;
  EditResult result_;
};

}  // namespace

EditResult edit_hdf5(const std::string& path, const std::string& target, const Edit& edit,
                     const EditOptions& options) {
  return Editor(path, target, edit, options).run();
}

void undo_hdf5(const std::string& path, const Undo& undo, const EditOptions& options) {
  // Whether it fits is asked of interrupted files, too.
  const EditLock lock(path, true, options, options.plan_only);
  auto file = lock.file().view();
  if (options.plan_only) {
    file = settle(std::move(file)).file;
    const std::uint64_t end = h5parse::read_superblock(*file).end;
    file = settle_torn(std::move(file), end).file;
  } else {
    settled_end(*file);
  }
  const Change change{{undoing_patch(*file, undo), {}}, {}};
  EditResult result;
  if (!options.plan_only) apply_in_place(lock.file(), options, change, result);
}

std::uint64_t end_of_hdf5(const RandomFile& file) {
  try {
    return h5parse::read_superblock(file).end;
  } catch (const Error&) {
    return 0;
  }
}

}  // namespace ckpt::hdf5
