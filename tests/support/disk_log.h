#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/calls.h"

// The files of a folder, by their names.
using FolderFiles = std::map<std::string, std::string>;
FolderFiles files_in_folder(const std::string& folder);
// Makes the folder hold these files and nothing else.
void fill_folder(const std::string& folder, const FolderFiles& files);

// What may be on the device after a power cut.
struct DiskState {
  struct File {
    std::string bytes;
    int id = 0;  // names with one id are hard links of one file
    ino_t inode = 0;
  };
  std::map<std::string, File> files;
};

// Puts the state into a folder, in place of what is there. Files get other inodes than they had;
// intents (storage/intent.h) speak of inodes, which a power cut would not change, so that their
// rows are renewed.
void lay_state(const std::string& folder, const DiskState& state);

// Writes down what is done to the files of a folder, and tells what a power cut might leave of it.
// fsync and fdatasync are not handed to the kernel, since the disk is the one in here:
//
//   - Of a file, what was written since its last fsync or fdatasync is there or not, each sector
//     of 512 bytes for itself: it has any of the contents that it had since then. So writes are
//     lost, kept, torn, and overtake one another. Its length is, likewise, any of those that it
//     had.
//   - Links, renames and removals since the last fsync of the folder reach the disk in their order:
//     any first part of them. As ext4's journal does it; but there (and in XFS and btrfs) the fsync
//     of any file takes along what was done to the folder before, and here it does not.
//   - A file that has its name may have none of its bytes yet.
class DiskLog final : public CallHook {
 public:
  explicit DiskLog(std::string folder);

  Verdict before(const Call& call) override;
  void after(const Call& call, long result) override;

  // Ends the process's work there: the call with this number and all that follow fail with EIO.
  void fail_from(int call) { fail_from_ = call; }
  void fail_once(int call) { fail_once_ = call; }

  // Calls that were seen: a power may be cut behind each, and before the first.
  [[nodiscard]] int calls() const { return time_; }

  // States that a cut behind call number `at` may leave, at most about `most`: all where there are
  // so few, else the extremes and a sample. One that was given before is not given again.
  void for_each_state(int at, std::size_t most, std::uint64_t seed,
                      const std::function<void(const DiskState&)>& f);

 private:
  struct Version {
    int time = 0;
    std::string bytes;
  };
  struct Inode {
    ino_t number = 0;
    std::vector<Version> versions;
    std::vector<int> syncs;
  };
  struct Names {
    int time = 0;
    std::map<std::string, int> ids;
  };
  // Of one kind, those that a cut at that time may leave.
  template <typename T>
  static std::vector<const T*> candidates(const std::vector<T>& all, const std::vector<int>& syncs,
                                          int at);

  int new_inode(int fd);
  int id_of(int fd);
  void take_version(int fd);
  void take_names();
  [[nodiscard]] bool is_folder(int fd) const;
  DiskState state_of(const Names& names, int at, const std::function<std::uint64_t()>& number,
                     int pattern) const;

  std::string folder_;
  int time_ = 0;
  int fail_from_ = 0;
  int fail_once_ = 0;
  std::vector<Inode> inodes_;
  std::map<ino_t, int> ids_;
  std::vector<Names> names_;
  std::vector<int> folder_syncs_;
  std::set<std::string> given_;
};
