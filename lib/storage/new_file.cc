#include "storage/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstdio>

#include "core/error.h"
#include "core/text.h"
#include "storage/clone.h"
#include "storage/raw_file.h"

namespace ckpt {
namespace {

bool is_named_there(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

// Moves a file to a name where nothing is. False, with errno set, where that is not possible.
bool move_to_new_name(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP && errno != EPERM) return false;
  // The name is taken first, by an empty file, which is ours to replace.
  const FileDescriptor own(::open(to.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!own) return false;
  if (::rename(from.c_str(), to.c_str()) == 0) return true;
  const int error = errno;
  ::unlink(to.c_str());
  errno = error;
  return false;
}

}  // namespace

NewFile::NewFile(const std::string& target, Overwrite overwrite, Wait wait)
    : target_(real_path(target)), folder_(folder_of(target_)), overwrite_(overwrite), wait_(wait) {
  if (overwrite == Overwrite::kNo && is_named_there(target_)) {
    throw Error(Errc::kWrite, "exists already; give another name, or replace it with --overwrite");
  }
  struct stat status {};
  if (::stat(target_.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode)) {
      throw Error(Errc::kWrite, "is a directory or a device; the name of a file is needed");
    }
    if (::faccessat(AT_FDCWD, target_.c_str(), W_OK, AT_EACCESS) != 0) {
      throw Error(Errc::kWrite, cat("may not be written: ", error_text(errno)));
    }
  } else if (errno == ENAMETOOLONG) {  // which would be noticed when all is written
    throw Error(Errc::kWrite, cat("cannot have that name: ", error_text(errno)));
  }
  fd_ = FileDescriptor(::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (fd_) return;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
    throw Error(Errc::kWrite, cat("cannot write in the folder ", folder_, ": ", error_text(errno)));
  }
  be_temporary();
}

// The file gets a name of an intent, from where it can be renamed; what it holds already is copied.
void NewFile::be_temporary() {
  intent_.emplace(folder_);
  temporary_ = intent_->temporary();
  // What takes another's place has its permission bits only then.
  const mode_t mode = is_named_there(target_) ? 0600 : 0666;
  FileDescriptor named(::open(temporary_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode));
  if (!named) fail(cat("cannot write in the folder ", folder_, ": ", error_text(errno)));
  if (fd_) {
    copy_bytes(fd_.get(), named.get(), {0, 0, view_file(fd_.get())->size()});
    copy_metadata(fd_.get(), named.get(), true);
  }
  fd_ = std::move(named);
}

void NewFile::fail(const std::string& sentence) {
  failure_ = sentence;
  throw Error(Errc::kWrite, failure_);
}

void NewFile::check_not_failed() const {
  assert(!committed_);
  if (!failure_.empty()) throw Error(Errc::kWrite, failure_);
}

void NewFile::write_at(std::uint64_t offset, ByteView bytes) {
  check_not_failed();
  try {
    write_fully(fd_.get(), offset, bytes);
  } catch (const Error& e) {
    fail(e.what());
  }
}

void NewFile::resize(std::uint64_t size) {
  check_not_failed();
  try {
    set_size(fd_.get(), size);
  } catch (const Error& e) {
    fail(e.what());
  }
}

void NewFile::reserve(std::uint64_t size) {
  check_not_failed();
  if (size == 0) return;
  try {
    reserve_room(fd_.get(), 0, size);
  } catch (const Error& e) {
    fail(e.what());
  }
}

void NewFile::belong_to(int fd) {
  struct stat owner {};
  struct stat own {};
  if (::fstat(fd, &owner) != 0 || ::fstat(fd_.get(), &own) != 0) return;
  mode_t mode = own.st_mode & owner.st_mode & 0666U;
  // Under an access control list the group's bits are those of the most that anyone has by it.
  const std::string self = cat("/proc/self/fd/", fd);
  const bool has_list = ::getxattr(self.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
  const bool is_of_group = ::fchown(fd_.get(), owner.st_uid, owner.st_gid) == 0 ||
                           ::fchown(fd_.get(), static_cast<uid_t>(-1), owner.st_gid) == 0;
  if (has_list || !is_of_group) mode &= ~mode_t{070};
  ::fchmod(fd_.get(), mode);
}

void NewFile::note_lost(const std::string& metadata) {
  if (!metadata.empty()) notes_.push_back(cat("could not be kept as before: ", metadata));
}

void NewFile::flush() {
  check_not_failed();
  try {
    if (!sync_all(fd_.get())) {
      notes_.emplace_back(
          "this file system cannot flush files: what a power cut leaves of it is not known");
    }
  } catch (const Error& e) {
    fail(e.what());
  }
}

// False where there is something of that name.
bool NewFile::name_new() {
  if (temporary_.empty() && give_name(fd_.get(), target_)) return true;
  if (errno == EEXIST && temporary_.empty()) return false;
  if (temporary_.empty()) {
    be_temporary();
    flush();
  }
  if (move_to_new_name(temporary_, target_)) return true;
  if (errno == EEXIST) return false;
  fail(cat("cannot give the new file its name: ", error_text(errno)));
}

void NewFile::replace(bool is_locked) {
  std::optional<LockedFile> old;
  try {
    if (!is_locked) old.emplace(target_, LockFor::kGrowing, wait_);
  } catch (const Error& e) {
    fail(e.what());
  }
  if (temporary_.empty()) {
    intent_.emplace(folder_);
    const std::string path = intent_->temporary();
    if (give_name(fd_.get(), path)) {
      temporary_ = path;
    } else {
      be_temporary();
      flush();
    }
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail(cat("cannot give the new file its name: ", error_text(errno)));
  }
}

void NewFile::commit(bool is_locked) {
  check_not_failed();
  if (overwrite_ == Overwrite::kNo || !is_named_there(target_)) {
    if (overwrite_ == Overwrite::kNo) return commit_new();
    flush();
    if (!name_new()) replace(false);
    return finish();
  }
  const FileDescriptor old(::open(target_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!old) fail(cat("cannot open the file that is replaced: ", error_text(errno)));
  note_lost(copy_metadata(old.get(), fd_.get(), true));
  flush();
  replace(is_locked);
  finish();
}

void NewFile::commit_new() {
  flush();
  if (!name_new()) throw Error(Errc::kWrite, std::string(kTaken));
  finish();
}

void NewFile::finish() {
  committed_ = true;
  intent_.reset();
  try {
    sync_folder(folder_);
  } catch (const Error& e) {
    throw Error(Errc::kUnfinished, cat("is written, but of its folder: ", e.what()));
  }
}

Blocks blocks_into(NewFile& file, std::uint64_t& at) {
  return Blocks([&](ByteView block) {
    file.write_at(at, block);
    at += block.size();
  });
}

std::string NewFile::wait_in(Intent& intent) {
  flush();
  const std::string path = intent.temporary();
  if (temporary_.empty() ? !give_name(fd_.get(), path)
                         : ::rename(temporary_.c_str(), path.c_str()) != 0) {
    if (!temporary_.empty()) fail(cat("cannot name the new file: ", error_text(errno)));
    be_temporary();
    flush();
    if (::rename(temporary_.c_str(), path.c_str()) != 0) {
      fail(cat("cannot name the new file: ", error_text(errno)));
    }
  }
  committed_ = true;
  intent_.reset();
  return path;
}

}  // namespace ckpt
