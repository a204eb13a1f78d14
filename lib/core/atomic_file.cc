#include "core/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "core/error.h"
#include "core/raw_file.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::string_view kPrefix = ".ckpt-";
constexpr std::string_view kSuffix = ".tmp";

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

// The path with every symbolic link followed, where the file exists; else the path itself.
std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr),
                                                        std::free);
  return resolved ? std::string(resolved.get()) : path;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string hidden_sibling(const std::string& folder) {
  static std::atomic<unsigned> counter{0};
  return cat(folder, "/", kPrefix, ::getpid(), "-", counter++, kSuffix);
}

// Removes the hidden siblings that a killed process left. A living owner holds a lock on its file.
void sweep(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
  if (!dir) return;
  while (const dirent* item = ::readdir(dir.get())) {
    const std::string_view name = item->d_name;
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const std::string path = cat(folder, "/", name);
    const FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
  }
}

}  // namespace

AtomicFile::AtomicFile(const std::string& target, Overwrite overwrite)
    : target_(real_path(target)), folder_(folder_of(target_)), overwrite_(overwrite) {
  if (overwrite == Overwrite::kNo && exists(target_)) {
    throw Error(Errc::kWrite, "exists already; give another name, or replace it with --overwrite");
  }
  struct stat status {};
  if (::stat(target_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw Error(Errc::kWrite, "is a directory or a device; the name of a file is needed");
  }
  sweep(folder_);
  fd_ = FileDescriptor(::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (!fd_ && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    temporary_ = hidden_sibling(folder_);
    fd_ = FileDescriptor(::open(temporary_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666));
    if (fd_) ::flock(fd_.get(), LOCK_EX | LOCK_NB);
  }
  if (!fd_) {
    throw Error(Errc::kWrite, cat("cannot write in the folder ", folder_, ": ", error_text(errno)));
  }
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty() && !committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const std::string& sentence) {
  failure_ = sentence;
  throw Error(Errc::kWrite, failure_);
}

void AtomicFile::check_not_failed() const {
  assert(!committed_);
  if (!failure_.empty()) throw Error(Errc::kWrite, failure_);
}

void AtomicFile::write_at(std::uint64_t offset, ByteView bytes) {
  check_not_failed();
  try {
    write_fully(fd_.get(), offset, bytes);
  } catch (const Error& e) {
    fail(e.what());
  }
}

void AtomicFile::resize(std::uint64_t size) {
  check_not_failed();
  if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
    fail(cat("cannot make the file ", size, " bytes long: ", error_text(errno)));
  }
}

void AtomicFile::reserve(std::uint64_t size) {
  check_not_failed();
  if (size == 0 || ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)) == 0) return;
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
    fail(cat("no room for ", with_commas(size), " bytes: ", error_text(errno)));
  }
}

void AtomicFile::commit() {
  check_not_failed();
  struct stat old {};
  if (overwrite_ == Overwrite::kYes && ::stat(target_.c_str(), &old) == 0 &&
      ::fchmod(fd_.get(), old.st_mode & 0777U) != 0) {
    fail(cat("cannot keep the permission bits: ", error_text(errno)));
  }
  // A failed fsync is never tried again: the kernel may have dropped the pages it could not write.
  if (::fsync(fd_.get()) != 0) fail(cat("cannot flush it to the device: ", error_text(errno)));

  const bool unnamed = temporary_.empty();
  const std::string self = cat("/proc/self/fd/", fd_.get());
  const std::string source = unnamed ? self : temporary_;
  bool named = false;
  if (overwrite_ == Overwrite::kNo) {
    // link() never replaces a file that came into being meanwhile.
    named = ::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, target_.c_str(),
                     unnamed ? AT_SYMLINK_FOLLOW : 0) == 0;
    if (named && !unnamed) ::unlink(temporary_.c_str());
  } else {
    if (unnamed) {
      temporary_ = hidden_sibling(folder_);
      if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) != 0) {
        temporary_.clear();
        fail(cat("cannot name the new file: ", error_text(errno)));
      }
    }
    named = ::rename(temporary_.c_str(), target_.c_str()) == 0;
  }
  if (!named && errno == EEXIST) {
    throw Error(Errc::kWrite, "came into being while it was written; give another name");
  }
  if (!named) fail(cat("cannot give the new file its name: ", error_text(errno)));
  committed_ = true;

  const FileDescriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder && ::fsync(folder.get()) != 0 && errno != EINVAL) {
    throw Error(Errc::kWrite,
                cat("is written, but its folder could not be flushed: ", error_text(errno)));
  }
}

}  // namespace ckpt
