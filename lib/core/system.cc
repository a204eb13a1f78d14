#include "core/system.h"

#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

namespace ckpt {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

bool is_there(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

std::string error_text(int error) { return std::generic_category().message(error); }

}  // namespace ckpt
