#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/system.h"

namespace ckpt {

// What a change has made in a folder before it is decided, written down so that a killed one leaves
// nothing for good. An intent is a hidden file, locked as long as its change lives:
//
//     .ckpt-0123456789abcdef.intent      the intent; the digits are drawn anew each time
//     .ckpt-0123456789abcdef-1.tmp      its first temporary file
//
//     "CKPTINT1" digits decider         each row: length, bytes, checksum; numbers u64
//     (1 length-before name)*           files that are written behind their old end
//     (2 inode name length s ns)*       files that the decider does not name, before or after; with
//                                       the time of their last writing, for an inode may be
//                                       another's by then, under the same name
//     (3 0 "decider")                   a record that speaks of the temporaries is about to decide
//
// Where the file system has no unnamed files (O_TMPFILE), one that is killed before it has its mark
// stays for good, an empty file.
//
// Only what an intent proves is ever removed by another run: the intent has the exact form of name,
// the mark and the same digits inside, nobody holds its lock, and the temporaries are regular files
// called by its digits. A file that decides the change (a name in the same folder) and speaks of
// them needs them still; then they stay, for `ckpt recover`. What has rows is taken back by
// take_back_intents(), which asks what the decider names.
class Intent {
 public:
  // In `folder`, of a change that the file called `decider` decides; empty: none that others know.
  // Removes first what intents of dead programs have left there. Throws Error(kWrite).
  explicit Intent(const std::string& folder, std::string_view decider = "");

  // Takes away the temporaries that are left, and the intent.
  ~Intent();
  Intent(const Intent&) = delete;
  Intent& operator=(const Intent&) = delete;

  // A new path for a temporary file, where nothing is.
  std::string temporary();

  // The file called `name`, beside the decider, is going to be written behind its end. Flushed.
  void grows(std::string_view name, std::uint64_t size);

  // A file beside the decider that one of the two deciders, old and new, does not name: it is to go
  // with that one. Not flushed.
  void is_loose(std::string_view name, const std::string& path);

  // What was written of loose files is on the device. To be called before they get their names.
  void flush();

  // From here on the decider may speak of the temporaries: where it is not there, as while somebody
  // moves it, they are not swept. Flushed.
  void offer();

  // From here on the decider speaks of the temporaries: they are not taken away.
  void hand_over() { made_.clear(); }

  // Is the intent to stay behind this object, for take_back_intents() and sweep()?
  void keep(bool is_kept = true) { is_kept_ = is_kept; }

 private:
  void add_row(ByteView bytes);

  std::string stem_;  // folder and ".ckpt-" and digits
  FileDescriptor fd_;
  std::uint64_t size_ = 0;
  std::vector<std::string> made_;
  unsigned count_ = 0;
  bool is_kept_ = false;
};

// Has the name the exact form of an intent's temporaries?
bool is_temporary_name(std::string_view name);

// Takes back what dead changes of the file at `decider`, which its caller holds locked if it is
// there, have made before they were decided, or have not removed since: files that it does not name
// go, those that have grown behind what it speaks of are cut. `needed` says how many bytes of a
// file it speaks of, and nothing for one that it does not name. True where there was anything to
// do. Throws Error(kWrite).
using NeededBytes = std::function<std::optional<std::uint64_t>(const std::string& name)>;
bool take_back_intents(const std::string& decider, const NeededBytes& needed);

// Removes what changes of dead programs have left in the folder and nobody needs.
void sweep(const std::string& folder);

// Is there anything of that kind? Changes nothing.
bool has_abandoned_intent(const std::string& decider);

}  // namespace ckpt
