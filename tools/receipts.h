#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/formats.h"
#include "remap/receipt.h"
#include "storage/undo.h"

namespace ckpt {

// The receipts beside a checkpoint, held against what it is now.
struct KnownReceipt {
  enum class State {
    kFits,    // the file is what the edit left, also where it is so again
    kUndone,  // the edit was taken back
    kBefore,  // the file is as it was before the edit: that never came to its end, or is undone
    kOther,   // the file is something else: it was edited since, or another file took its place
  };
  int number = 1;
  std::string path;
  State state = State::kOther;
  std::string why;          // where the file is something else: what was seen
  bool is_before = false;   // is the file as it was before? Taken at its word without undo data
  bool is_receipt = false;  // by what it holds
  bool is_marked = false;   // as undone
  bool is_in_place = false;
  bool has_undo = false;
};

// What receipts are called after: the file as it was asked for, where that is the file itself, else
// the one that it stands for (by a symbolic link, or as a prefix).
std::string receipt_base(const LockedCheckpoint& locked);

// The receipts of a locked checkpoint, the newest first. Reads
// what an edit had changed, not the whole file. Stops behind the first that fits where `all` is
// not asked for. A receipt that cannot be read is kOther.
std::vector<KnownReceipt> known_receipts(const LockedCheckpoint& locked, bool all);

// The receipt without its moves, which take as much as undo data: `moves` says how many there were.
Receipt read_receipt_head(const std::string& path, std::size_t& moves);

// Throws Error, naming what can be done without it.
Undo read_undo(const std::string& receipt_path, const std::string& file);

}  // namespace ckpt
