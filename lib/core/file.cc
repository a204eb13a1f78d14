#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"

namespace ckpt {
namespace {

void check_extent(std::uint64_t offset, std::size_t size, std::uint64_t file_size) {
  const auto end = checked_add<std::uint64_t>(offset, size);
  if (!end || *end > file_size) {
    throw Error(Errc::kCorrupt, cat("offset ", offset, " + ", size,
                                    " bytes passes the end of the file (", file_size, ")"));
  }
}

class PosixFile final : public RandomFile {
 public:
  PosixFile(FileDescriptor fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }

  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    check_extent(offset, out.size(), size_);
    while (!out.empty()) {
      const ssize_t n = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw Error(Errc::kIo, cat("cannot read: ", error_text(errno)));
      if (n == 0)
        throw Error(Errc::kCorrupt, cat("the file was cut at ", offset, " while it was read"));
      offset += static_cast<std::uint64_t>(n);
      out = out.subspan(static_cast<std::size_t>(n));
    }
  }

  [[nodiscard]] std::optional<int> descriptor() const override { return fd_.get(); }

 private:
  FileDescriptor fd_;
  std::uint64_t size_;
};

class MemoryFile final : public RandomFile {
 public:
  explicit MemoryFile(Bytes bytes) : bytes_(std::move(bytes)) {}

  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }

  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    check_extent(offset, out.size(), bytes_.size());
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  }

 private:
  Bytes bytes_;
};

}  // namespace

std::unique_ptr<RandomFile> own_file(FileDescriptor fd) {
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) throw Error(Errc::kIo, error_text(errno));
  return std::make_unique<PosixFile>(std::move(fd), static_cast<std::uint64_t>(status.st_size));
}

std::unique_ptr<RandomFile> view_file(int fd) {
  return own_file(FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
}

std::unique_ptr<RandomFile> memory_file(Bytes bytes) {
  return std::make_unique<MemoryFile>(std::move(bytes));
}

}  // namespace ckpt
