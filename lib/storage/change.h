#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/blocks.h"
#include "storage/change_record.h"
#include "storage/intent.h"
#include "storage/locked_file.h"
#include "storage/new_file.h"
#include "storage/raw_file.h"

namespace ckpt {

// A change of several files of one folder that belong together, of which one, the decider, says
// what the others are (the index of a set of shards). It becomes true at one moment, when the
// decider is replaced; before that the old files are as they were, or only longer than the old
// decider says; without that moment all that was made goes away with the object, or, after a kill,
// with the Intent. Two ways, by what is asked for:
//
//     only files under new names, and longer ones      1 they get their names, flushed
//                                                      2 the decider is replaced: decided
//                                                      3 what goes is removed
//
//     a file that is there gets other bytes            1 new files wait as temporaries, flushed
//                                                      2 the decider is replaced by a record of
//                                                        the change: decided
//                                                      3 the record is carried out, and last the
//                                                        decider is what it is to be
//
// In the second way other programs refuse the files between 2 and 3, since what is there is no
// decider, and `recover` finishes it (change_record.h).
class Change {
 public:
  // Of the files of a decider that is there; `locked` holds it alone and outlives the change. The
  // locks of the others are waited for.
  Change(const LockedFile& locked, Wait wait);

  // Of files that come into being with their decider, or, under Overwrite::kYes, take the place of
  // what is there, whose lock is waited for. `source` is what they are made of, which may be the
  // very file. Throws Error(kWrite), also where the decider is there and may not be replaced, or is
  // a symbolic link, which leads to where the other files are not.
  Change(const std::string& path, Overwrite overwrite, Wait wait,
         const LockedFile* source = nullptr);

  ~Change();
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }  // of the decider, the real one
  [[nodiscard]] std::string path_of(std::string_view name) const { return beside(path_, name); }
  // The decider that is replaced; null where there is none.
  [[nodiscard]] const LockedFile* old_decider() const { return old_; }

  // All functions that follow throw Error(kWrite), and need plain names of files beside the
  // decider.

  // A new file of that name, to be written until the commit.
  NewFile& put(const std::string& name);

  // The new decider, the same way.
  NewFile& decider();

  // The file of that name, which nobody has changed since it was `seen`, gets new first bytes, as
  // many as were there.
  void put_front(const std::string& name, std::string bytes, const FileStamp& seen);

  // A new name of the file at `source`, which stays: its blocks are shared where the file system
  // can (reflink), or it is a hard link, or a copy. True where it is a hard link.
  bool put_same(const std::string& name, const std::string& source);

  // Writes behind the end of a file, and gives its size. Where it has further names (hard links),
  // a copy takes its place first.
  std::uint64_t append(const std::string& name, ByteView bytes);

  // Its file, with what was appended; null where nothing was.
  [[nodiscard]] const RandomFile* appended(const std::string& name) const;

  // Throws Error(kConflict) where the file has not the size that the edit to be undone left it.
  static void check_size(const std::string& name, const FileStamp& there, std::uint64_t size_after);

  // The file, which has `size_after` bytes, is cut when the change is done. Throws what
  // check_size() does, too.
  void cut(const std::string& name, std::uint64_t size, std::uint64_t size_after);

  // The file goes away when the change is done.
  void remove(const std::string& name);

  // Where files that are there change: how the record of that is written, as something that no
  // program takes for a decider.
  using PrintRecord = std::function<void(const ChangeRecord&, Blocks&)>;

  // Decides and carries out. `before` is called when all is flushed and nothing is decided: what
  // it throws cancels the change. REQUIRES: the decider and all new files are written; `print`
  // where files that are there get other bytes.
  // Throws Error: kWrite where nothing is decided, kIo where a file is in use; kUnfinished
  // afterwards, saying what is to be done.
  void commit(const std::function<void()>& before = {}, const PrintRecord& print = {});

  // What the file systems could not do, and which files have other names (hard links), from which
  // they part.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  struct Grown;
  struct Front {
    std::string name;
    std::string bytes;
  };
  struct Cut {
    std::string name;
    std::uint64_t size = 0;
    LockedFile file;
  };

  Intent& intent();
  void refuse_link(const std::string& name) const;
  void note_parting(const std::string& name, const FileStamp& seen);
  [[nodiscard]] LockedFile lock_grown(const std::string& name) const;
  void lock_changed();
  void add_files(std::vector<std::string>& added);
  void take_away(const std::vector<std::string>& added) const;
  void commit_by_names(const std::function<void()>& before);
  void commit_by_record(const std::function<void()>& before, const PrintRecord& print);
  void replace_decider(NewFile& by) const;
  void hand_over();

  std::string path_;
  std::optional<LockedFile> own_lock_;
  const LockedFile* old_ = nullptr;
  Wait wait_ = kUsualWait;
  std::optional<Intent> intent_;
  std::unique_ptr<NewFile> decider_;
  std::map<std::string, std::unique_ptr<NewFile>> files_;
  std::map<std::string, std::string> same_;  // new name → path of the file that has it, too
  std::vector<Front> fronts_;
  std::map<std::string, std::unique_ptr<Grown>> grown_;
  std::vector<Cut> cuts_;
  std::vector<std::string> gone_;
  std::map<std::string, FileStamp> seen_;  // files that get other bytes, as they were then
  RecordLocks locks_;                      // of these
  std::vector<std::string> partings_;
  bool is_decided_ = false;
};

}  // namespace ckpt
