#include "core/system.h"

#include <unistd.h>

#include <system_error>

namespace ckpt {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

std::string error_text(int error) { return std::generic_category().message(error); }

}  // namespace ckpt
