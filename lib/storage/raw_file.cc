#include "storage/raw_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"

namespace ckpt {

FileDescriptor in_memory(ByteView bytes) {
  FileDescriptor fd(::memfd_create("ckpt", MFD_CLOEXEC));
  if (!fd) throw Error(Errc::kIo, cat("cannot get memory as a file: ", error_text(errno)));
  write_fully(fd.get(), 0, bytes);
  return fd;
}

namespace {

bool is_flushed(int answer) {
  if (answer == 0) return true;
  if (errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS) return false;
  throw Error(Errc::kWrite, cat("cannot flush it to the device: ", error_text(errno)));
}

}  // namespace

// At most 256 KiB at once: for more, Linux looks for as much page cache in one piece, which on a
// machine that has given memory back to its host takes several times as long as the copy.
void write_fully(int fd, std::uint64_t offset, ByteView bytes) {
  constexpr std::size_t kMost = std::size_t{256} << 10U;
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kMost);
    const ssize_t n = ::pwrite(fd, bytes.data(), count, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      throw Error(Errc::kWrite, cat("cannot write ", bytes.size(), " bytes at ", offset, ": ",
                                    error_text(errno)));
    }
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void set_size(int fd, std::uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
    throw Error(Errc::kWrite,
                cat("cannot make the file ", size, " bytes long: ", error_text(errno)));
  }
}

bool sync_data(int fd) { return is_flushed(::fdatasync(fd)); }

bool sync_all(int fd) { return is_flushed(::fsync(fd)); }

bool sync_folder(const std::string& folder) {
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A folder that may be written to and not read cannot be flushed either.
  if (!fd && errno != EACCES) {
    throw Error(Errc::kWrite, cat("cannot flush its folder: ", error_text(errno)));
  }
  return fd && is_flushed(::fsync(fd.get()));
}

void check_room(int fd, std::uint64_t bytes) {
  struct statvfs status {};
  if (::fstatvfs(fd, &status) != 0 || status.f_blocks == 0) return;
  const auto free = checked_mul<std::uint64_t>(status.f_bavail, status.f_frsize);
  if (!free || *free >= bytes) return;
  throw Error(Errc::kWrite, cat("no room for ", with_commas(bytes), " bytes: ", with_commas(*free),
                                " are free there"));
}

void reserve_room(int fd, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  check_room(fd, size);
  if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(size)) ==
      0) {
    return;
  }
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
    throw Error(Errc::kWrite,
                cat("no room for ", with_commas(size), " bytes: ", error_text(errno)));
  }
}

bool give_name(int fd, const std::string& path) {
  const std::string self = cat("/proc/self/fd/", fd);
  return ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

bool give_second_name(const std::string& source, const std::string& path) {
  return ::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string base_name(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string beside(const std::string& path, std::string_view name) {
  return path.substr(0, path.rfind('/') + 1).append(name);
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

}  // namespace ckpt
