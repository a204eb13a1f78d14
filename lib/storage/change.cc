#include "storage/change.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "storage/clone.h"
#include "storage/journal.h"
#include "storage/patch.h"
#include "storage/raw_file.h"

namespace ckpt {
namespace {

constexpr std::string_view kDecided =
    "; the edit is decided all the same, and `ckpt recover` finishes it";

FileDescriptor duplicate(int fd) { return FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

// All bytes and the metadata of a file.
void copy_whole(const LockedFile& from, NewFile& to) {
  const auto size = static_cast<std::uint64_t>(from.stamp().size);
  if (!clone_by_reference(from.fd(), to.fd())) {
    to.reserve(size);
    copy_bytes(from.fd(), to.fd(), {0, 0, size});
  }
  copy_metadata(from.fd(), to.fd(), false);
}

// Says that what failed came after the decision, with what is to be done.
[[noreturn]] void fail_decided(const std::exception& e) {
  throw Error(Errc::kUnfinished, cat(e.what(), kDecided));
}

// What could not be carried out is not decided.
RecordedChange checked_before_decision(const std::string& path, const ChangeRecord& record) {
  try {
    return RecordedChange(path, record);
  } catch (const Error& e) {
    throw Error(Errc::kWrite, cat("was changed by another program while it was edited; nothing was "
                                  "written (",
                                  e.what(), ")"));
  }
}

}  // namespace

// A file that is written behind its end.
struct Change::Grown {
  std::unique_ptr<NewFile> copy;  // that takes the place of one with further names
  FileDescriptor fd;
  std::uint64_t size_before = 0;
  std::uint64_t size = 0;
  std::unique_ptr<RandomFile> view;
};

Change::Change(const LockedFile& locked, Wait wait)
    : path_(locked.path()), old_(&locked), wait_(wait) {}

Change::Change(const std::string& path, Overwrite overwrite, Wait wait, const LockedFile* source)
    : path_(real_path(path)), wait_(wait) {
  if (is_symlink(path)) {
    throw Error(Errc::kWrite,
                "is a symbolic link: what it leads to would be replaced, and the files that belong "
                "to it would not; give that one's own name, or another");
  }
  static_cast<void>(NewFile(path_, overwrite));  // throws where it may not be written
  const FileStamp there = stamp_of(path_);
  if (there == FileStamp{}) return;
  if (source != nullptr && is_same_file(there, source->stamp())) {
    source->lock_alone(wait);
    old_ = source;
    return;
  }
  own_lock_.emplace(path_, LockFor::kChanging, wait);
  old_ = &*own_lock_;
}

Change::~Change() {
  if (is_decided_) return;
  for (const auto& [name, grown] : grown_) {
    try {
      set_size(grown->fd.get(), grown->size_before);
      sync_all(grown->fd.get());
    } catch (const Error&) {
      intent_->keep();  // says how long it was
    }
  }
}

Intent& Change::intent() {
  if (!intent_) intent_.emplace(folder_of(path_), base_name(path_));
  return *intent_;
}

// A link would lead the change to a file elsewhere.
void Change::refuse_link(const std::string& name) const {
  struct stat status {};
  if (::lstat(path_of(name).c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw Error(Errc::kWrite,
                "is a symbolic link or no regular file, and files that belong together are changed "
                "only where they lie together; a remap to a new name copies them");
  }
}

void Change::note_parting(const std::string& name, const FileStamp& seen) {
  if (seen.links <= 1) return;
  partings_.push_back(cat(escape(name), " has ", seen.links - 1,
                          " more names (hard links), under which it stays as it was"));
}

NewFile& Change::put(const std::string& name) {
  refuse_link(name);
  if (const FileStamp seen = stamp_of(path_of(name)); seen != FileStamp{}) {
    seen_[name] = seen;
    note_parting(name, seen);
  }
  auto file = std::make_unique<NewFile>(path_of(name), Overwrite::kYes, wait_);
  return *(files_[name] = std::move(file));
}

NewFile& Change::decider() {
  if (!decider_) {
    decider_ = std::make_unique<NewFile>(path_, Overwrite::kYes, wait_);
    if (old_ != nullptr) note_parting(base_name(path_), old_->stamp());
  }
  return *decider_;
}

void Change::put_front(const std::string& name, std::string bytes, const FileStamp& seen) {
  refuse_link(name);
  seen_[name] = seen;
  fronts_.push_back({name, std::move(bytes)});
}

bool Change::put_same(const std::string& name, const std::string& source) {
  const LockedFile from(source, LockFor::kReading, wait_);
  auto file = std::make_unique<NewFile>(path_of(name), Overwrite::kYes, wait_);
  if (!clone_by_reference(from.fd(), file->fd())) {
    same_[name] = from.path();
    return true;
  }
  copy_metadata(from.fd(), file->fd(), false);
  files_[name] = std::move(file);
  return false;
}

LockedFile Change::lock_grown(const std::string& name) const {
  try {
    return LockedFile(path_of(name), LockFor::kGrowing, wait_);
  } catch (const Error& e) {
    throw e.in(escape(name));
  }
}

std::uint64_t Change::append(const std::string& name, ByteView bytes) {
  auto there = grown_.find(name);
  if (there == grown_.end()) {
    refuse_link(name);
    // The decider's lock keeps other changes away; who reads the file is not disturbed.
    const LockedFile locked = lock_grown(name);
    auto made = std::make_unique<Grown>();
    made->size = made->size_before = static_cast<std::uint64_t>(locked.stamp().size);
    if (locked.stamp().links > 1) {
      note_parting(name, locked.stamp());
      made->copy = std::make_unique<NewFile>(locked.path(), Overwrite::kYes, wait_);
      copy_whole(locked, *made->copy);
      made->fd = duplicate(made->copy->fd());
    } else {
      made->fd = reopen_for_writing(locked.fd());
    }
    intent().grows(name, made->size_before);
    there = grown_.emplace(name, std::move(made)).first;
  }
  Grown& grown = *there->second;
  write_fully(grown.fd.get(), grown.size, bytes);
  grown.size += bytes.size();
  grown.view = view_file(grown.fd.get());
  return grown.size;
}

const RandomFile* Change::appended(const std::string& name) const {
  const auto it = grown_.find(name);
  return it == grown_.end() ? nullptr : it->second->view.get();
}

void Change::check_size(const std::string& name, const FileStamp& there, std::uint64_t size_after) {
  const auto size = static_cast<std::uint64_t>(there.size);
  if (size == size_after) return;
  throw Error(Errc::kConflict,
              cat("is not as the edit left it: ", escape(name), " has ", with_commas(size),
                  " bytes, the edit left ", with_commas(size_after)));
}

void Change::cut(const std::string& name, std::uint64_t size, std::uint64_t size_after) {
  refuse_link(name);
  LockedFile file(path_of(name), LockFor::kChanging, wait_);
  file.check_single_name();
  check_size(name, file.stamp(), size_after);
  cuts_.push_back({name, size, std::move(file)});
}

void Change::remove(const std::string& name) {
  try {
    refuse_link(name);
  } catch (const Error& e) {
    throw e.in(escape(name));
  }
  gone_.push_back(name);
}

void Change::commit(const std::function<void()>& before, const PrintRecord& print) {
  if (print) {
    commit_by_record(before, print);
  } else {
    commit_by_names(before);
  }
}

void Change::replace_decider(NewFile& by) const {
  if (old_ == nullptr) return by.commit_new();
  old_->check_unchanged();
  by.commit(true);
}

// Gives the new files their names, which nothing has.
void Change::add_files(std::vector<std::string>& added) {
  for (const auto& [name, file] : files_) {
    try {
      if (old_ != nullptr) file->belong_to(old_->fd());
      file->commit_new();
      added.push_back(name);
    } catch (const Error& e) {
      if (file->is_named()) added.push_back(name);
      throw e.in(escape(name));
    }
  }
  for (const auto& [name, source] : same_) {
    try {
      if (!give_second_name(source, path_of(name))) {
        NewFile copy(path_of(name), Overwrite::kNo, wait_);
        copy_whole(LockedFile(source, LockFor::kReading, wait_), copy);
        copy.commit();
      }
      added.push_back(name);
    } catch (const Error& e) {
      throw e.in(escape(name));
    }
  }
}

void Change::take_away(const std::vector<std::string>& added) const {
  for (const std::string& name : added) ::unlink(path_of(name).c_str());
}

void Change::commit_by_names(const std::function<void()>& before) {
  std::vector<std::string> added;
  try {
    for (const Cut& cut : cuts_) intent().grows(cut.name, cut.size);
    for (const std::string& name : gone_) intent().is_loose(name, path_of(name));
    for (const auto& [name, file] : files_) {
      intent().is_loose(name, cat("/proc/self/fd/", file->fd()));
    }
    for (const auto& [name, source] : same_) intent().is_loose(name, source);
    if (intent_) intent_->flush();
    for (auto& [name, grown] : grown_) {
      if (grown->copy) {
        grown->copy->commit();
        grown->fd = duplicate(grown->copy->fd());
      }
      sync_all(grown->fd.get());
    }
    add_files(added);
    sync_folder(folder_of(path_));
    if (before) before();
    replace_decider(decider());
  } catch (const std::exception& e) {
    is_decided_ = decider_ && decider_->is_named();
    if (is_decided_) {
      if (intent_) intent_->keep();
      fail_decided(e);
    }
    take_away(added);
    // Of a file that has its name, but not for sure on the device.
    const auto* const error = dynamic_cast<const Error*>(&e);
    if (error != nullptr && error->code() == Errc::kUnfinished) throw Error(Errc::kWrite, e.what());
    throw;
  }
  is_decided_ = true;
  try {
    for (const Cut& cut : cuts_) {
      const FileDescriptor fd = reopen_for_writing(cut.file.fd());
      set_size(fd.get(), cut.size);
      sync_all(fd.get());
    }
  } catch (const std::exception& e) {
    intent().keep();
    fail_decided(e);
  }
  for (const std::string& name : gone_) {
    if (::unlink(path_of(name).c_str()) != 0 && errno != ENOENT) intent().keep();
  }
}

void Change::lock_changed() {
  for (const auto& [name, seen] : seen_) {
    try {
      // Who reads a file goes on with the old one where another takes its place.
      const bool is_replaced = files_.contains(name);
      const auto purpose = is_replaced ? LockFor::kGrowing : LockFor::kChanging;
      const auto& lock = locks_.try_emplace(name, path_of(name), purpose, wait_).first->second;
      if (!is_replaced) lock.check_single_name();
      check_same_state(seen, lock.stamp());
    } catch (const Error& e) {
      throw e.in(escape(name));
    }
  }
}

void Change::commit_by_record(const std::function<void()>& before, const PrintRecord& print) {
  ChangeRecord record;
  const auto state_of = [&](const std::string& name) -> std::optional<Fingerprint> {
    const auto lock = locks_.find(name);
    if (lock == locks_.end()) return std::nullopt;
    return fingerprint_of(*lock->second.view());
  };
  lock_changed();
  for (Front& front : fronts_) {
    const auto view = locks_.at(front.name).view();
    const Patch patch = front_patch(*view, front.bytes);
    record.files.push_back({.name = front.name,
                            .waiting = "",
                            .front = std::move(front.bytes),
                            .before = fingerprint_of(*view),
                            .after = fingerprint_of(PatchedFile(*view, patch))});
  }
  for (const auto& [name, file] : files_) {
    if (!seen_.contains(name) && is_there(path_of(name))) {
      throw Error(Errc::kWrite, std::string(kTaken)).in(escape(name));
    }
    if (const auto lock = locks_.find(name); lock != locks_.end()) {
      copy_metadata(lock->second.fd(), file->fd(), true);
    } else if (old_ != nullptr) {
      file->belong_to(old_->fd());
    }
    const std::string waiting = file->wait_in(intent());
    record.files.push_back({.name = name,
                            .waiting = base_name(waiting),
                            .front = "",
                            .before = state_of(name),
                            .after = fingerprint_of(*view_file(file->fd()))});
  }
  for (const std::string& name : gone_) {
    if (stamp_of(path_of(name)) == FileStamp{}) continue;
    record.files.push_back({.name = name,
                            .waiting = "",
                            .front = "",
                            .before = fingerprint_of(*lock_grown(name).view()),
                            .after = {}});
  }
  const RecordedChange recorded = checked_before_decision(path_, record);
  {
    const auto text = view_file(decider().fd());
    record.decider.resize(static_cast<std::size_t>(text->size()));
    text->read_at(0, std::as_writable_bytes(std::span(record.decider)));
  }
  sync_folder(folder_of(path_));
  if (before) before();

  NewFile as_record(path_, Overwrite::kYes, wait_);
  // Nobody else acts on it meanwhile.
  ::flock(as_record.fd(), LOCK_EX | LOCK_NB);
  std::uint64_t at = 0;
  Blocks blocks = blocks_into(as_record, at);
  print(record, blocks);
  blocks.flush();
  if (intent_) intent_->offer();
  try {
    replace_decider(as_record);
  } catch (const Error& e) {
    if (!as_record.is_named()) throw;
    hand_over();
    fail_decided(e);
  }
  hand_over();
  try {
    recorded.carry_out(std::move(locks_), wait_);
    decider().commit(true);
  } catch (const std::exception& e) {
    fail_decided(e);
  }
  if (intent_) intent_->keep(false);
}

// From here on the record speaks of the temporaries, and the intent of who has made them, until
// all is carried out.
void Change::hand_over() {
  is_decided_ = true;
  if (!intent_) return;
  intent_->hand_over();
  intent_->keep(true);
}

std::vector<std::string> Change::notes() const {
  std::vector<std::string> all = partings_;
  const auto add = [&](const NewFile& file) {
    for (const std::string& note : file.notes()) {
      if (std::ranges::find(all, note) == all.end()) all.push_back(note);
    }
  };
  for (const auto& [name, file] : files_) add(*file);
  if (decider_) add(*decider_);
  return all;
}

}  // namespace ckpt
