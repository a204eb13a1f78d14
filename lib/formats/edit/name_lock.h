#pragma once

#include <string>

#include "core/system.h"

namespace ckpt {

// Held by the one program that makes a checkpoint of several files under this name: two at once
// would take each other's. It is a hidden file beside them, of a name that AtomicFile sweeps where
// its owner was killed.
class NameLock {
 public:
  // `stem` is what the files' paths begin with. Throws Error: kIo where another program holds it,
  // kWrite where nothing can be written in that folder.
  explicit NameLock(const std::string& stem);
  ~NameLock();
  NameLock(const NameLock&) = delete;
  NameLock& operator=(const NameLock&) = delete;

 private:
  std::string path_;
  FileDescriptor fd_;
};

}  // namespace ckpt
