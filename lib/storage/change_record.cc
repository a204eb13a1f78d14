#include "storage/change_record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "core/error.h"
#include "core/escape.h"
#include "core/system.h"
#include "core/text.h"
#include "storage/intent.h"
#include "storage/journal.h"
#include "storage/patch.h"
#include "storage/raw_file.h"

namespace ckpt {
namespace {

// A regular file that is called so itself; null where there is nothing. No lock is taken.
// Throws Error(kCorrupt) where it is anything else.
std::unique_ptr<RandomFile> open_own(const std::string& path) {
  FileDescriptor fd(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ENOENT) return nullptr;
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw Error(Errc::kCorrupt,
                "the record of an interrupted edit speaks of it, but it is no regular file of this "
                "folder");
  }
  return own_file(std::move(fd));
}

[[noreturn]] void refuse_state() {
  throw Error(Errc::kCorrupt,
              "the record of an interrupted edit speaks of it, but it is not what the record says "
              "that it was or will be; nothing is done");
}

// The file with its new first bytes.
class FrontedFile final : public RandomFile {
 public:
  FrontedFile(std::unique_ptr<RandomFile> file, const std::string& front)
      : file_(std::move(file)), patch_(front_patch(*file_, front)) {}
  [[nodiscard]] std::uint64_t size() const override { return file_->size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    PatchedFile(*file_, patch_).read_at(offset, out);
  }

 private:
  std::unique_ptr<RandomFile> file_;
  Patch patch_;
};

// Has the file those first bytes already? They tell what a fingerprint may miss.
bool begins_with(const RandomFile& file, const std::string& front) {
  if (file.size() < front.size()) return false;
  Bytes there(front.size());
  file.read_at(0, there);
  return as_text(there) == front;
}

// The file as its own journal, if it has one, leaves it.
std::unique_ptr<RandomFile> settled(std::unique_ptr<RandomFile> file, const Fingerprint& before) {
  SettledFile complete = settle(std::move(file));
  if (complete.was_interrupted) return std::move(complete.file);
  return settle_torn(std::move(complete.file), before.size).file;
}

std::unique_ptr<RandomFile> open_fronted(const std::string& path, const ChangeRecord::File& file) {
  auto there = open_own(path);
  if (!there || !file.before || !file.after || file.front.size() > file.after->size) refuse_state();
  there = settled(std::move(there), *file.before);
  if (begins_with(*there, file.front)) {
    if (fingerprint_of(*there) != *file.after) refuse_state();
    return there;
  }
  if (fingerprint_of(*there) != *file.before) refuse_state();
  auto fronted = std::make_unique<FrontedFile>(std::move(there), file.front);
  if (fingerprint_of(*fronted) != *file.after) refuse_state();
  return fronted;
}

// The file that waits, or, where it has its place already, what is there.
std::unique_ptr<RandomFile> open_placed(const std::string& path, const std::string& waiting,
                                        const ChangeRecord::File& file) {
  if (!file.after) refuse_state();
  auto there = open_own(path);
  if (auto made = open_own(waiting)) {
    const bool is_old =
        there ? file.before && fingerprint_of(*there) == *file.before : !file.before.has_value();
    if (!is_old || fingerprint_of(*made) != *file.after) refuse_state();
    return made;
  }
  if (!there || fingerprint_of(*there) != *file.after) refuse_state();
  return there;
}

void check_going(const std::string& path, const ChangeRecord::File& file) {
  const auto there = open_own(path);
  if (there && (!file.before || fingerprint_of(*there) != *file.before)) refuse_state();
}

}  // namespace

RecordedChange::RecordedChange(std::string path, const ChangeRecord& record)
    : path_(std::move(path)), record_(record) {
  for (const ChangeRecord::File& file : record_.files) {
    try {
      const bool is_plain = is_plain_name(file.name) &&
                            (file.waiting.empty() || is_temporary_name(file.waiting)) &&
                            file.name != base_name(path_);
      if (!is_plain) {
        throw Error(Errc::kCorrupt,
                    "the record of an interrupted edit speaks of it, which is no plain name of a "
                    "file beside it, or would come from a file that is no temporary of an edit");
      }
      if (std::ranges::count(record_.files, file.name, &ChangeRecord::File::name) > 1)
        refuse_state();
      if (file.goes()) {
        check_going(path_of(file.name), file);
      } else {
        static_cast<void>(open(file.name));
      }
    } catch (const Error& e) {
      throw e.in(escape(file.name));
    }
  }
}

std::string RecordedChange::path_of(const std::string& name) const { return beside(path_, name); }

std::unique_ptr<RandomFile> RecordedChange::open(const std::string& name) const {
  const auto file = std::ranges::find(record_.files, name, &ChangeRecord::File::name);
  if (file == record_.files.end() || file->goes()) return nullptr;
  return file->waiting.empty() ? open_fronted(path_of(name), *file)
                               : open_placed(path_of(name), path_of(file->waiting), *file);
}

void RecordedChange::carry_out(RecordLocks locks, Wait wait) const {
  for (const ChangeRecord::File& file : record_.files) {
    try {
      const std::string path = path_of(file.name);
      if (file.goes()) {
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
          throw Error(Errc::kWrite, cat("cannot be removed: ", error_text(errno)));
        }
      } else if (file.front.empty()) {
        // Who reads goes on with the old one; who writes would write to nothing.
        if (!locks.contains(file.name) && is_there(path) && is_there(path_of(file.waiting))) {
          locks.try_emplace(file.name, path, LockFor::kGrowing, wait);
        }
        if (::rename(path_of(file.waiting).c_str(), path.c_str()) == 0) continue;
        // Where it is gone it has its place already, or somebody has taken it away.
        if (errno != ENOENT) {
          throw Error(Errc::kWrite,
                      cat("cannot put its new file in its place: ", error_text(errno)));
        }
        static_cast<void>(open(file.name));
      } else {
        auto lock = locks.find(file.name);
        if (lock == locks.end()) {
          lock = locks.try_emplace(file.name, path, LockFor::kChanging, wait).first;
        }
        recover_journal(lock->second, file.before->size);
        const auto view = lock->second.view();
        if (begins_with(*view, file.front)) continue;
        apply_with_journal(reopen_for_writing(lock->second.fd()).get(), 0,
                           front_patch(*view, file.front), {}, {});
      }
    } catch (const Error& e) {
      throw e.in(escape(file.name));
    }
  }
  sync_folder(folder_of(path_));
}

}  // namespace ckpt
