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
#include "formats/hdf5/chosen_source.h"
#include "formats/hdf5/reader.h"
#include "formats/hdf5_edit/check.h"
#include "formats/hdf5_edit/journal.h"
#include "formats/hdf5_edit/repack.h"
#include "formats/hdf5_edit/undo_patch.h"
#include "formats/hdf5_helper/helper.h"

namespace ckpt::hdf5 {
namespace {

// All that is written: a patch, and tensors that come from elsewhere.
struct Change {
  Patch patch;
  std::vector<Extent> extents;
  FillExtent fill;
};

// Streams the bytes of each Put into its room.
FillExtent fill_from(const Edit& edit, const Reader* original) {
  return [&edit, original](std::size_t i, const std::function<void(ByteView)>& take) {
    stream_put(edit.puts[i], *original, take);
  };
}

void write_change(AtomicFile& out, const Change& change) {
  out.resize(change.patch.size_after);
  for (const auto& piece : change.patch.pieces) out.write_at(piece.offset, piece.bytes);
  for (std::size_t i = 0; i < change.extents.size(); ++i) {
    std::uint64_t at = change.extents[i].offset;
    change.fill(i, [&](ByteView bytes) {
      out.write_at(at, bytes);
      at += bytes.size();
    });
  }
}

// What was written is read again. Tensors may lie inside of a piece, which has zeros there.
void check_written(const RandomFile& file, const Change& change) {
  bool is_same = file.size() == change.patch.size_after;
  Bytes bytes;
  for (const auto& piece : change.patch.pieces) {
    if (!is_same) break;
    bytes.resize(piece.bytes.size());
    file.read_at(piece.offset, bytes);
    for (const Extent& extent : change.extents) {
      for (std::uint64_t at = std::max(extent.offset, piece.offset);
           at < std::min(extent.offset + extent.bytes, piece.offset + bytes.size()); ++at) {
        bytes[at - piece.offset] = piece.bytes[at - piece.offset];
      }
    }
    is_same = bytes == piece.bytes;
  }
  if (!is_same) {
    throw Error(Errc::kWrite, "what was written reads back as something else; it was taken back");
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
      out_.reserve(change.patch.size_after);
      copy_bytes(original_, out_.fd(), {0, 0, change.patch.size_before});
    }
    write_change(out_, change);
    const auto written = view_file(out_.fd());
    check_written(*written, change);
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
    apply_with_journal(fd, signature_at, change.patch, change.extents, change.fill);
    check_written(*view_file(fd), change);
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

std::vector<Wishes::Name> names_of(const Variables& variables) {
  std::vector<Wishes::Name> names;
  names.reserve(variables.variables.size() + variables.aliases.size());
  for (std::uint32_t i = 0; i < variables.variables.size(); ++i) {
    const std::string_view name = variables.name_of(i);
    names.push_back({i, false, name, name});
    for (const auto& alias : variables.aliases_of(i)) {
      names.push_back({i, true, alias.path, alias.path});
    }
  }
  return names;
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
    std::optional<Outcome> outcome = make_outcome(*file);
    return outcome ? write(*file, std::move(*outcome)) : std::move(result_);
  }

 private:
  // What is to be written; empty where all is done without. All that it takes to decide it is out
  // of memory when it is there.
  std::optional<Outcome> make_outcome(const RandomFile& file) {
    auto source = open_source(file);
    Census census = take_census(*source, file, options_.use_paths);
    const Wishes wishes = resolve(names_of(census), edit_);
    Naming naming = place_names(*source, census, wishes, edit_, options_.use_paths);
    source.reset();  // it remembers much of what it has read
    if (options_.repack) check_repackable(census);
    Work work = compile(std::move(census.links), std::move(naming), wishes, edit_);
    result_.notes = work.notes;
    if (options_.plan_only || options_.repack || work.operations.empty()) {
      result_.operations = report_of(std::move(work.operations));
      if (options_.plan_only) return std::nullopt;
      if (options_.repack) repack(census, wishes);
      if (options_.repack || target_.empty()) return std::nullopt;
      return Outcome{{file.size(), file.size(), {}}, {}};
    }
    Outcome outcome = edit_by_helper(
        fd_, work.operations, {options_.helper, options_.helper_time, options_.helper_memory});
    const PatchedFile patched(file, outcome.patch);
    const Plan plan{census, wishes, work, edit_, outcome.patch, options_.use_paths};
    check_outcome(plan, file, patched, outcome.created);
    result_.operations = report_of(std::move(work.operations));
    return outcome;
  }

  EditResult write(const RandomFile& file, Outcome outcome) {
    Change change{std::move(outcome.patch), std::move(outcome.created), {}};
    result_.patched_bytes = bytes_of(change.patch);
    result_.size_after = change.patch.size_after;
    result_.can_undo = true;
    for (const Extent& extent : change.extents) {
      result_.tensor_bytes += extent.bytes;
      // Room inside the old file, as files have that keep a list of their free space.
      if (extent.bytes > 0 && extent.offset < file.size()) result_.can_undo = false;
    }
    if (result_.can_undo) result_.undo = make_undo(file, change.patch);
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
    static_cast<void>(open_hdf5(view_file(copy.fd()), OpenOptions{}));
    copy.commit();
    result_.how = EditResult::How::kNewFile;
    return std::move(result_);
  }

  void repack(const Census& census, const Wishes& wishes) {
    const auto original = open_hdf5(view_file(fd_), OpenOptions{.use_paths = options_.use_paths});
    if (options_.before_commit) options_.before_commit(result_);
    result_.size_after =
        repack_native(*original, census, wishes, edit_, target_, options_.overwrite);
    result_.how = EditResult::How::kRepacked;
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
  const Change change{undoing_patch(*file, undo), {}, {}};
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
