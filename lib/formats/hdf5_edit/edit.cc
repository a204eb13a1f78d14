#include "formats/hdf5_edit/edit.h"

#include <cerrno>
#include <memory>
#include <optional>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/raw_file.h"
#include "core/text.h"
#include "formats/edit/clone.h"
#include "formats/edit/locked_file.h"
#include "formats/edit/wishes.h"
#include "formats/h5parse/superblock.h"
#include "formats/hdf5/reader.h"
#include "formats/hdf5_edit/journal.h"
#include "formats/hdf5_edit/prepare.h"
#include "formats/hdf5_edit/repack.h"
#include "formats/hdf5_edit/undo_patch.h"

namespace ckpt::hdf5 {
namespace {

// All that is written: pages, and tensors that come from elsewhere.
struct Change {
  Outcome outcome;
  FillExtent fill;
};

// Streams the bytes of each Put into its room.
FillExtent fill_from(const Edit& edit, const Reader* original) {
  return [&edit, original](std::size_t i, const std::function<void(ByteView)>& take) {
    stream_put(edit.puts[i], *original, take);
  };
}

void write_change(const RandomFile& original, AtomicFile& out, const Change& change) {
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

// A copy of the file with the change, under the name `target`.
class NewFile {
 public:
  NewFile(int original, const std::string& target, Overwrite overwrite)
      : original_(original), out_(target, overwrite) {}

  // True where the file system shares blocks, so that copying costs nothing.
  bool clone() { return is_cloned_ = clone_by_reference(original_, out_.fd()); }

  void write(const Change& change, bool in_place) {
    if (!is_cloned_) {
      out_.reserve(change.outcome.patch.size_after);
      copy_bytes(original_, out_.fd(), {0, 0, change.outcome.patch.size_before});
    }
    write_change(*view_file(original_), out_, change);
    const auto written = view_file(out_.fd());
    check_written(*written, change.outcome);
    copy_metadata(original_, out_.fd(), in_place);
  }

  void commit() { out_.commit(); }
  [[nodiscard]] int fd() const { return out_.fd(); }

 private:
  int original_;
  AtomicFile out_;
  bool is_cloned_ = false;
};

// A clone for kAuto, where it costs nothing and loses nothing; empty where the journal is better.
std::unique_ptr<NewFile> cheap_clone(int fd, const std::string& path) {
  if (stamp_of(fd).links > 1) return nullptr;
  try {
    auto file = std::make_unique<NewFile>(fd, path, Overwrite::kYes);
    return file->clone() ? std::move(file) : nullptr;
  } catch (const Error&) {
    return nullptr;  // the folder may not be written
  }
}

// Applies the change to the file at `path`, which `fd` holds locked and open for writing unless
// `in_place` is kReplace. `cloned` tells whether blocks were shared.
EditResult::How apply_in_place(int fd, const std::string& path, InPlace in_place,
                               const Change& change, bool& cloned) {
  std::unique_ptr<NewFile> copy;
  if (in_place == InPlace::kAuto) copy = cheap_clone(fd, path);
  cloned = copy != nullptr;
  if (in_place == InPlace::kReplace) {
    copy = std::make_unique<NewFile>(fd, path, Overwrite::kYes);
    cloned = copy->clone();
  }
  if (!copy) {
    const std::uint64_t signature_at = h5parse::read_superblock(*view_file(fd)).base;
    apply_with_journal(fd, signature_at, change.outcome.patch, change.outcome.created, change.fill);
    check_written(*view_file(fd), change.outcome);
    return EditResult::How::kJournalled;
  }
  const FileStamp before = stamp_of(fd);
  copy->write(change, true);
  if (stamp_of(path) != before) {
    throw Error(Errc::kIo,
                "was changed by another program while it was edited; nothing was written");
  }
  copy->commit();
  return EditResult::How::kReplaced;
}

LockFor purpose_of(bool in_place, InPlace how) {
  if (!in_place) return LockFor::kReading;
  return how == InPlace::kReplace ? LockFor::kReplacing : LockFor::kWriting;
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
    const FileDescriptor locked =
        open_locked(path_, purpose_of(target_.empty(), options_.in_place));
    fd_ = locked.get();
    const auto file = view_file(fd_);
    check_not_interrupted(*file);
    static_cast<void>(h5parse::read_superblock(*file));
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
    for (const Extent& extent : change.outcome.created) {
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
      if (options_.in_place == InPlace::kReplace && stamp_of(fd_).links > 1) {
        result_.notes.push_back(cat("the file has ", stamp_of(fd_).links - 1,
                                    " more names (hard links), under which it stays as it was"));
      }
      if (options_.before_commit) options_.before_commit(result_);
      result_.how =
          apply_in_place(fd_, path_, options_.in_place, change, result_.cloned_by_reference);
      return std::move(result_);
    }
    NewFile copy(fd_, target_, options_.overwrite);
    if (options_.before_commit) options_.before_commit(result_);
    result_.cloned_by_reference = copy.clone();
    copy.write(change, false);
    change.outcome = {};  // makes room for what follows
    static_cast<void>(open_hdf5(view_file(copy.fd()), OpenOptions{}));
    copy.commit();
    result_.how = EditResult::How::kNewFile;
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
  int fd_ = -1;
  EditResult result_;
};

}  // namespace

EditResult edit_hdf5(const std::string& path, const std::string& target, const Edit& edit,
                     const EditOptions& options) {
  return Editor(path, target, edit, options).run();
}

void undo_hdf5(const std::string& path, const Undo& undo, InPlace how) {
  const FileDescriptor locked = open_locked(path, purpose_of(true, how));
  const auto file = view_file(locked.get());
  check_not_interrupted(*file);
  const Change change{{undoing_patch(*file, undo), {}}, {}};
  bool cloned = false;
  apply_in_place(locked.get(), path, how, change, cloned);
}

Recovery recover_hdf5(const std::string& path) {
  {
    // What needs no recovery needs no permission to write either.
    const FileDescriptor locked = open_locked(path, LockFor::kReading);
    if (!is_interrupted(*view_file(locked.get()))) return Recovery::kClean;
  }
  const FileDescriptor locked = open_locked(path, LockFor::kWriting);
  return recover_journal(locked.get());
}

}  // namespace ckpt::hdf5
