#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/file.h"
#include "core/system.h"

namespace ckpt {

// Opening files under a lock (flock), by which programs that change a file and programs that read
// it keep out of each other's way. Sentences do not name the file: the caller does, with
// Error::in().

// Which file that is, and in which state: what was planned on one state is not carried out on
// another.
struct FileStamp {
  unsigned long device = 0;
  unsigned long inode = 0;
  long long size = 0;
  timespec modified{};
  timespec changed{};
  unsigned long links = 0;

  friend bool operator==(const FileStamp& a, const FileStamp& b);
};
FileStamp stamp_of(int fd);
FileStamp stamp_of(const std::string& path);  // all zeros where there is nothing

// The same file, in whatever state?
bool is_same_file(const FileStamp& a, const FileStamp& b);

// Is there a symbolic link at the path itself?
bool is_symlink(const std::string& path);

// The path with every symbolic link followed, where the file exists; else the path itself.
std::string real_path(const std::string& path);

// How long a lock is waited for that another program holds.
using Wait = std::chrono::milliseconds;
inline constexpr Wait kUsualWait{5000};

enum class LockFor : std::uint8_t {
  kReading,   // shared with other readers
  kMending,   // the same, of what is to be changed if it needs that: who is in its way is answered
              // so
  kGrowing,   // shared with readers: it is written behind its end, or another takes its place
  kChanging,  // alone: it is written, or another file takes its place
};

// A file that is open for reading and locked until this object goes. What is written to it is
// written through reopen_for_writing(), under the same lock.
class LockedFile {
 public:
  // The file at `path`, which is so still when the lock is there: another program may have put a
  // new file in its place while the lock was waited for.
  // Throws Error: kNotFound; kIo where it is no regular file, may not be read, or, for reading, is
  // in use; kWrite, for the rest, where another program has it locked still after `wait`, and, for
  // the last two, where it may not be written, or is open for writing though without a lock
  // (F_SETLEASE tells, where the system has it).
  LockedFile(const std::string& path, LockFor purpose, Wait wait = Wait::zero());

  [[nodiscard]] const std::string& path() const { return path_; }  // the real one
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const FileStamp& stamp() const { return stamp_; }  // when it was locked
  [[nodiscard]] std::unique_ptr<RandomFile> view() const { return view_file(fd()); }

  // From here on nobody else has it, after waiting for so long. Throws as the constructor does for
  // changing, and where the file is no longer as it was.
  void lock_alone(Wait wait) const;

  // Throws Error(kWrite) where it has further names (hard links), under which it would change, too.
  void check_single_name() const;

  // Throws Error(kWrite) where the file is not as it was when it was locked, or no longer at its
  // path.
  void check_unchanged() const;

 private:
  std::string path_;
  FileDescriptor fd_;
  FileStamp stamp_;
};

// Throws Error(kWrite), saying that nothing was written, where the two differ.
void check_same_state(const FileStamp& seen, const FileStamp& now);

// The file of `fd` once more, for reading and writing; the lock stays `fd`'s.
// Throws Error(kWrite) where it may not be written.
FileDescriptor reopen_for_writing(int fd);

// Opens a regular file for reading and takes a shared lock on it, so that a writer which locks, as
// HDF5's own library does, is noticed. The lock lasts as long as the object. Throws what
// LockedFile() throws for reading.
std::unique_ptr<RandomFile> open_file(const std::string& path);

}  // namespace ckpt
