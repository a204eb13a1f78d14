#include "formats/edit/name_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "core/text.h"
#include "formats/edit/locked_file.h"
#include "formats/io/sibling.h"

namespace ckpt {

NameLock::NameLock(const std::string& stem)
    : path_(beside(stem, cat(".ckpt-", stem.substr(stem.rfind('/') + 1), ".tmp"))) {
  while (true) {
    fd_ = FileDescriptor(
        ::open(path_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
    if (!fd_) throw Error(Errc::kWrite, cat("cannot write in its folder: ", error_text(errno)));
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      throw Error(Errc::kIo,
                  "another program is writing files of this name; try again when it is done");
    }
    // Between the two calls its owner may have removed it.
    if (stamp_of(fd_.get()) == stamp_of(path_)) return;
  }
}

NameLock::~NameLock() {
  if (fd_) ::unlink(path_.c_str());
}

}  // namespace ckpt
