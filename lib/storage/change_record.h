#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/file.h"
#include "storage/fingerprint.h"
#include "storage/locked_file.h"

namespace ckpt {

// A decided change of several files that is being carried out (change.h): plain data, which a
// format writes in its decider's place and reads back. What is read is a claim like any other, so
// it acts only on regular files of the decider's own folder, no links followed, that are in the
// state which the record says. That the names are the checkpoint's own is the format's to check.
struct ChangeRecord {
  struct File {
    std::string name;
    // One of three: a file that waits and takes the place of this name; new first bytes; or
    // neither, and the file goes away.
    std::string waiting;
    std::string front;
    std::optional<Fingerprint> before;  // empty where there was no such file
    std::optional<Fingerprint> after;   // empty where it goes away

    [[nodiscard]] bool goes() const { return waiting.empty() && front.empty(); }
  };
  std::vector<File> files;
  std::string decider;  // its text afterwards
};

// Locks on files of a record, by their names.
using RecordLocks = std::map<std::string, LockedFile>;

// A decided change, as far as it is carried out or not.
class RecordedChange {
 public:
  // Looks at every file. Throws Error(kCorrupt), naming the file, where one is neither what the
  // record says it was nor what it is to be, or is called by no plain name.
  RecordedChange(std::string path, const ChangeRecord& record);

  // The file of that name as it will be, for reading; the change is not carried out for that.
  // Null where the record says nothing of it.
  [[nodiscard]] std::unique_ptr<RandomFile> open(const std::string& name) const;

  // Carries out what is left, but for the decider. `locks` are those of the files with new first
  // bytes; where they are not there, they are taken, waiting for so long. May be done again after a
  // kill. Throws Error(kWrite).
  void carry_out(RecordLocks locks, Wait wait) const;

 private:
  [[nodiscard]] std::string path_of(const std::string& name) const;

  std::string path_;
  const ChangeRecord& record_;
};

}  // namespace ckpt
