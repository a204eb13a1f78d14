#include "core/raw_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/error.h"
#include "core/text.h"

namespace ckpt {

FileDescriptor in_memory(ByteView bytes) {
  FileDescriptor fd(::memfd_create("ckpt", MFD_CLOEXEC));
  if (!fd) throw Error(Errc::kIo, cat("cannot get memory as a file: ", error_text(errno)));
  write_fully(fd.get(), 0, bytes);
  return fd;
}

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

void sync_data(int fd) {
  if (::fdatasync(fd) != 0) {
    throw Error(Errc::kWrite, cat("cannot flush it to the device: ", error_text(errno)));
  }
}

void sync_all(int fd) {
  if (::fsync(fd) != 0) {
    throw Error(Errc::kWrite, cat("cannot flush it to the device: ", error_text(errno)));
  }
}

void set_size(int fd, std::uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
    throw Error(Errc::kWrite,
                cat("cannot make the file ", size, " bytes long: ", error_text(errno)));
  }
}

void reserve_room(int fd, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(size)) ==
      0) {
    return;
  }
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
    throw Error(Errc::kWrite,
                cat("no room for ", with_commas(size), " bytes: ", error_text(errno)));
  }
}

}  // namespace ckpt
