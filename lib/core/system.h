#pragma once

#include <string>
#include <utility>

namespace ckpt {

// What the operating system needs to be asked with care.

// Owns an open file descriptor; false where there is none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Is there a file, folder or anything else at that path?
bool is_there(const std::string& path);

// The system's words for an errno value, in a form that threads can share.
std::string error_text(int error);

}  // namespace ckpt
