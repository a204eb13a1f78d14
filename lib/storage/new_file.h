#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/blocks.h"
#include "core/bytes.h"
#include "core/system.h"
#include "storage/intent.h"
#include "storage/locked_file.h"

namespace ckpt {

enum class Overwrite : bool { kNo, kYes };

// What is said where a name is taken that was free when the work began.
inline constexpr std::string_view kTaken =
    "came into being while it was written; give another name";

// A file that comes into being whole or not at all. Bytes go to an unnamed file in the target's
// folder (O_TMPFILE; where the file system has none, to a temporary of an Intent); commit() flushes
// it and gives it its name. Without commit() no trace is left, even after a kill where the file was
// unnamed. A target that is a symbolic link stays one: what it points to is replaced.
//
// Named by a link, which never takes another's place; where there are no hard links, by
// renameat2(RENAME_NOREPLACE), or by a rename onto an empty file that was created for it: there a
// kill in between leaves the empty file.
//
// The first failure sticks: every later call, commit() too, throws it again. All of them throw
// Error(kWrite); the constructor also where the target exists and may not be overwritten.
class NewFile {
 public:
  NewFile(const std::string& target, Overwrite overwrite, Wait wait = kUsualWait);
  ~NewFile() = default;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  [[nodiscard]] const std::string& path() const { return target_; }  // the real one

  void write_at(std::uint64_t offset, ByteView bytes);

  // Sets the length; a hole reads as zeros.
  void resize(std::uint64_t size);

  // Asks for room for the whole length now, so that a full disk is noticed before hours of work.
  // File systems that cannot promise it are not an error.
  void reserve(std::uint64_t size);

  // The descriptor, open for reading and writing, for checks of what was written.
  [[nodiscard]] int fd() const { return fd_.get(); }

  // The permission bits are to be no wider than those of that file: of what belongs to it.
  void belong_to(int fd);

  // Flushes the file to the device, gives it the target's name, flushes the folder. A file that is
  // replaced keeps its owner, permission bits, access control lists and extended attributes; it is
  // locked for that moment, unless `is_locked` says that the caller has it so, and its lock is
  // waited for. REQUIRES: not committed yet.
  void commit(bool is_locked = false);

  // The same where nothing may be replaced, whatever was asked for. Throws where something is
  // there.
  void commit_new();

  // Flushes it and gives it the name of a temporary in the intent, from where a record of a change
  // takes it to its place. Gives the temporary's path.
  std::string wait_in(Intent& intent);

  // Has the file its name? Also where commit() threw then, since the folder could not be flushed.
  [[nodiscard]] bool is_named() const { return committed_; }

  // What the file system could not do, a sentence each. Known behind commit().
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  [[noreturn]] void fail(const std::string& sentence);
  void note_lost(const std::string& metadata);
  void check_not_failed() const;
  void flush();
  void be_temporary();
  [[nodiscard]] bool name_new();
  void replace(bool is_locked);
  void finish();

  std::string target_;
  std::string folder_;
  std::optional<Intent> intent_;
  std::string temporary_;  // path in it; empty where the file is unnamed
  std::string failure_;
  std::vector<std::string> notes_;
  FileDescriptor fd_;
  Overwrite overwrite_;
  Wait wait_;
  bool committed_ = false;
};

// Gathers small pieces for the file, from `at` on, which moves along; both must outlive it.
Blocks blocks_into(NewFile& file, std::uint64_t& at);

}  // namespace ckpt
