#include "storage/clone.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/system.h"
#include "core/text.h"
#include "storage/raw_file.h"

namespace ckpt {
namespace {

constexpr std::uint64_t kAtOnce = std::uint64_t{64} << 20U;
constexpr std::size_t kBuffer = std::size_t{1} << 20U;

// The slow way, for file systems between which the kernel does not copy.
void copy_by_hand(int from, int to, Stretch left) {
  Bytes buffer(kBuffer);
  while (left.size > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, left.size));
    const ssize_t n = ::pread(from, buffer.data(), want, static_cast<off_t>(left.from));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(Errc::kIo, cat("cannot read: ", error_text(errno)));
    if (n == 0) {
      throw Error(Errc::kIo, cat("the file was cut at ", left.from, " while it was copied"));
    }
    const auto done = static_cast<std::size_t>(n);
    write_fully(to, left.to, ByteView(buffer).first(done));
    left = {left.from + done, left.to + done, left.size - done};
  }
}

// False where one is lost; those of the security modules are the system's own.
bool copy_attributes(int from, int to) {
  const ssize_t size = ::flistxattr(from, nullptr, 0);
  if (size <= 0) return size == 0 || errno == EOPNOTSUPP || errno == ENOSYS;
  std::string names(static_cast<std::size_t>(size), '\0');
  const ssize_t got = ::flistxattr(from, names.data(), names.size());
  names.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  bool all = got > 0;
  for (const auto name : split(names, std::string_view("\0", 1))) {
    if (name.empty()) continue;
    const std::string key(name);
    std::vector<char> value(64 * 1024);  // the longest that Linux has
    const ssize_t n = ::fgetxattr(from, key.c_str(), value.data(), value.size());
    const bool is_kept =
        n >= 0 && ::fsetxattr(to, key.c_str(), value.data(), static_cast<std::size_t>(n), 0) == 0;
    if (!is_kept && !key.starts_with("security.")) all = false;
  }
  return all;
}

}  // namespace

bool clone_by_reference(int from, int to) { return ::ioctl(to, FICLONE, from) == 0; }

void copy_bytes(int from, int to, const Stretch& stretch) {
  auto in = static_cast<off_t>(stretch.from);
  auto out = static_cast<off_t>(stretch.to);
  std::uint64_t left = stretch.size;
  while (left > 0) {
    const off_t begin = out;
    const ssize_t n = ::copy_file_range(from, &in, to, &out,
                                        static_cast<std::size_t>(std::min(left, kAtOnce)), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG)) {
      throw Error(Errc::kWrite,
                  cat("cannot write ", with_commas(stretch.size), " bytes: ", error_text(errno)));
    }
    if (n <= 0) {
      return copy_by_hand(
          from, to, {static_cast<std::uint64_t>(in), static_cast<std::uint64_t>(begin), left});
    }
    left -= static_cast<std::uint64_t>(n);
    // So that the final flush finds most of it done.
    ::sync_file_range(to, begin, n, SYNC_FILE_RANGE_WRITE);
  }
}

std::string copy_metadata(int from, int to, bool with_owner) {
  std::vector<std::string> lost;
  struct stat status {};
  if (::fstat(from, &status) != 0) return "permission bits";
  if (!copy_attributes(from, to)) lost.emplace_back("extended attributes");
  mode_t mode = status.st_mode & 07777U;
  struct stat own {};
  if (!with_owner) {
    mode &= 0777U;
  } else {
    // Who may not give the file away may still give it to the group.
    if (::fchown(to, status.st_uid, status.st_gid) != 0) {
      [[maybe_unused]] const int ignored = ::fchown(to, static_cast<uid_t>(-1), status.st_gid);
    }
    const bool is_known = ::fstat(to, &own) == 0;
    if (!is_known || own.st_uid != status.st_uid) {
      lost.emplace_back("owner");
      mode &= 0777U;
    }
    if (!is_known || own.st_gid != status.st_gid) {
      lost.emplace_back("group");
      mode &= ~mode_t{070};
    }
  }
  if (::fchmod(to, mode) != 0 &&
      (::fstat(to, &own) != 0 || (own.st_mode & 0777U) != (mode & 0777U))) {
    lost.emplace_back("permission bits");
  }
  return join(lost, ", ");
}

}  // namespace ckpt
