#include "receipts.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/shell_word.h"
#include "core/system.h"
#include "core/text.h"
#include "rules_input.h"
#include "storage/receipt_files.h"
#include "storage/way_back.h"

namespace ckpt {
namespace {

// By the undo data where there is some, else by the receipt's fingerprint; what has neither is
// taken at its word.
void judge(KnownReceipt& known, const LockedCheckpoint& locked) {
  std::size_t moves = 0;
  const Receipt receipt = read_receipt_head(known.path, moves);
  known.is_receipt = true;
  known.is_marked = receipt.undone;
  known.is_in_place = receipt.input.path == receipt.output.path;
  known.has_undo = is_there(undo_path(known.path));
  if (receipt.undone) {
    known.state = KnownReceipt::State::kUndone;
    known.is_before = !known.has_undo;
    if (!known.has_undo) return;
  }
  if (known.has_undo) {
    const Undo undo = read_undo(known.path, locked.path);
    try {
      EditOptions options;
      options.plan_only = true;
      options.locked = &locked.file;
      locked.format->undo(locked.path, undo, options);
      known.state = KnownReceipt::State::kFits;
    } catch (const Error& e) {
      if (e.code() != Errc::kConflict) throw;
      known.why = e.what();
      known.is_before = is_as_before(locked.file, undo);
      if (known.is_before && !receipt.undone) known.state = KnownReceipt::State::kBefore;
    }
    return;
  }
  const bool fits = receipt.output.fingerprint.empty() ||
                    receipt.output.fingerprint == to_string(fingerprint_of(*locked.file.view()));
  if (fits) known.state = KnownReceipt::State::kFits;
  if (!fits) known.why = "its bytes are not those that the edit left";
}

}  // namespace

std::string receipt_base(const LockedCheckpoint& locked) {
  const bool is_file_itself =
      is_same_file(stamp_of(locked.name), locked.file.stamp()) && !is_symlink(locked.name);
  return is_file_itself ? locked.name : locked.file.path();
}

std::vector<KnownReceipt> known_receipts(const LockedCheckpoint& locked, bool all) {
  // What was written as a checkpoint of several files has a receipt under the name it was given.
  std::vector<std::string> files{receipt_base(locked)};
  if (!is_there(locked.name)) files.push_back(locked.name);
  std::vector<KnownReceipt> known;
  for (const std::string& file : files) {
    for (const ReceiptFile& receipt : receipts_of(file)) {
      known.push_back({.number = receipt.number, .path = receipt.path, .why = ""});
    }
  }
  std::ranges::stable_sort(known, std::ranges::greater(), &KnownReceipt::number);
  for (std::size_t i = 0; i < known.size(); ++i) {
    try {
      judge(known[i], locked);
    } catch (const Error& e) {
      known[i].why = e.what();
    }
    if (!all && known[i].state == KnownReceipt::State::kFits) {
      known.resize(i + 1);
      break;
    }
  }
  return known;
}

Receipt read_receipt_head(const std::string& path, std::size_t& moves) {
  const std::string text = read_text_file(path);
  try {
    Receipt receipt = parse_receipt(text);
    moves = std::exchange(receipt.moves, std::vector<PathMove>()).size();
    return receipt;
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

Undo read_undo(const std::string& receipt_path, const std::string& file) {
  try {
    const std::string bytes = read_text_file(undo_path(receipt_path));
    return decode_undo(as_byte_view(std::string_view(bytes)));
  } catch (const Error& e) {
    throw Error(e.code(),
                cat(e.what(), "; without it the names can still be led back: `ckpt remap -i ",
                    shell_word(file), " --invert -m ", shell_word(receipt_path), "`"));
  }
}

}  // namespace ckpt
