#pragma once

#include <cstdint>
#include <string>

#include "core/bytes.h"
#include "core/system.h"

namespace ckpt {

enum class Overwrite : bool { kNo, kYes };

// A file that comes into being whole or not at all. Bytes go to an unnamed file in the target's
// folder (O_TMPFILE; where the file system has none, to a hidden sibling `.ckpt-*.tmp`); commit()
// flushes it and gives it its name. Without commit() no trace is left, even after a kill where the
// file was unnamed; hidden siblings of dead processes are swept by the next AtomicFile in the
// folder. A target that is a symbolic link stays one: what it points to is replaced.
//
// The first failure sticks: every later call, commit() too, throws it again. All of them throw
// Error(kWrite); the constructor also where the target exists and may not be overwritten.
class AtomicFile {
 public:
  AtomicFile(const std::string& target, Overwrite overwrite);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write_at(std::uint64_t offset, ByteView bytes);

  // Sets the length; a hole reads as zeros.
  void resize(std::uint64_t size);

  // Asks for room for the whole length now, so that a full disk is noticed before hours of work.
  // File systems that cannot promise it are not an error.
  void reserve(std::uint64_t size);

  // The descriptor, open for reading and writing, for checks of what was written.
  [[nodiscard]] int fd() const { return fd_.get(); }

  // Flushes the file to the device, gives it the target's name, flushes the folder. A file that is
  // replaced keeps its permission bits. REQUIRES: not committed yet.
  void commit();

  // Has the file its name? Also where commit() threw then, since the folder could not be flushed.
  [[nodiscard]] bool is_named() const { return committed_; }

 private:
  [[noreturn]] void fail(const std::string& sentence);
  void check_not_failed() const;

  std::string target_;  // real path: folder_ + "/" + base name
  std::string folder_;
  std::string temporary_;  // hidden sibling's path, or empty where the file is unnamed
  std::string failure_;
  FileDescriptor fd_;
  Overwrite overwrite_;
  bool committed_ = false;
};

}  // namespace ckpt
