#include <CLI/CLI.hpp>
#include <algorithm>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/shell_word.h"
#include "core/system.h"
#include "core/text.h"
#include "heap.h"
#include "receipts.h"
#include "rules_input.h"
#include "storage/raw_file.h"
#include "storage/receipt_files.h"
#include "wait_option.h"

namespace ckpt {
namespace {

using State = KnownReceipt::State;

struct UndoOptions {
  std::string file;
  bool dry_run = false;
  bool list = false;
  std::string forget;
  Wait wait = kUsualWait;
};

// Was a receipt named? A checkpoint may be called as one, too.
bool is_of_receipt(const UndoOptions& options) {
  return !file_of_receipt(options.file).empty() && !is_checkpoint(options.file);
}

// Of a file, or of the one that a receipt lies beside.
std::string file_of(const UndoOptions& options) {
  return is_of_receipt(options) ? file_of_receipt(options.file) : options.file;
}

std::string words_of(const KnownReceipt& receipt) {
  switch (receipt.state) {
    case State::kFits:
      return receipt.has_undo ? "the file is as it left it; `ckpt undo` takes it back"
                              : "the file is as it left it";
    case State::kUndone:
      return "undone";
    case State::kBefore:
      return "the file is as it was before it";
    case State::kOther:
      break;
  }
  return cat("of another state of the file: ", receipt.why);
}

ExitStatus run_list(const UndoOptions& options, Console& console) {
  const std::string file = file_of(options);
  const auto locked = lock_checkpoint(file, LockFor::kReading, options.wait);
  const auto receipts = known_receipts(locked, true);
  if (receipts.empty()) console.write(cat(escape(file), ": there is no receipt beside it\n"));
  for (const KnownReceipt& receipt : receipts) {
    console.write(cat(escape(receipt.path), ": ", words_of(receipt), "\n"));
  }
  return ExitStatus::kDone;
}

// Which receipts go: those that were undone, one by its number, or all.
ExitStatus run_forget(const UndoOptions& options, Console& console) {
  const std::string file = file_of(options);
  const auto locked = lock_checkpoint(file, LockFor::kChanging, options.wait);
  std::size_t count = 0;
  for (const KnownReceipt& receipt : known_receipts(locked, true)) {
    const bool goes = options.forget == "all" ||
                      (options.forget == "undone" && receipt.state == State::kUndone) ||
                      options.forget == cat(receipt.number);
    // What is called as a receipt and is none is somebody's file.
    if (!goes || !receipt.is_receipt) continue;
    if (!options.dry_run) {
      forget_receipt(receipt.path);
      console.set_written(file);
    }
    console.write(
        cat(escape(receipt.path), options.dry_run ? ": would be removed\n" : ": removed\n"));
    ++count;
  }
  if (count == 0) console.write(cat(escape(file), ": there is nothing to forget\n"));
  return ExitStatus::kDone;
}

// The receipt to go by: the one that was named, or the newest that fits.
const KnownReceipt& choose(const UndoOptions& options, const std::string& file,
                           const std::vector<KnownReceipt>& receipts) {
  const bool is_named = is_of_receipt(options);
  const auto named = std::ranges::find_if(receipts, [&](const KnownReceipt& receipt) {
    return is_named ? base_name(receipt.path) == base_name(options.file)
                    : receipt.state == State::kFits;
  });
  if (named != receipts.end()) return *named;
  if (receipts.empty()) {
    throw Error(Errc::kInvalid, cat(escape(options.file), ": there is no receipt beside it (",
                                    escape(file), ".ckpt-receipt.json)"));
  }
  // Nothing fits: what is nearest to an answer is the newest that is undone, else the newest.
  const auto undone = std::ranges::find(receipts, true, &KnownReceipt::is_before);
  return undone == receipts.end() ? receipts.front() : *undone;
}

void mark(const KnownReceipt& receipt) {
  if (receipt.is_marked) return;
  rewrite_receipt(receipt.path, mark_undone(read_text_file(receipt.path)));
}

ExitStatus run_undo(const UndoOptions& options, Console& console) {
  const std::string file = file_of(options);
  const auto purpose = options.dry_run ? LockFor::kReading : LockFor::kChanging;
  const LockedCheckpoint locked = lock_input(file, purpose, options.wait, console);
  const auto receipts = known_receipts(locked, is_of_receipt(options));
  const KnownReceipt& chosen = choose(options, file, receipts);
  if (chosen.is_before && chosen.state != State::kFits) {
    if (!options.dry_run) mark(chosen);
    console.write(cat(escape(file), ": is as it was before ", escape(chosen.path),
                      " already; nothing to undo\n"));
    return ExitStatus::kDone;
  }
  if (chosen.state != State::kFits) {
    throw Error(Errc::kConflict, cat(escape(file), ": ", chosen.why, " (by ", escape(chosen.path),
                                     "); nothing was done"));
  }
  if (!chosen.is_in_place) {
    throw Error(
        Errc::kInvalid,
        cat(escape(chosen.path),
            ": is of a remap to a new file; what it was made of is as it was. `ckpt remap ",
            shell_word(file), " BACK --invert -m ", shell_word(chosen.path), "` makes it again"));
  }
  std::size_t moves = 0;
  static_cast<void>(read_receipt_head(chosen.path, moves));
  give_free_memory_back();
  const Undo undo = read_undo(chosen.path, file);
  if (!options.dry_run) {
    EditOptions edit;
    edit.wait = options.wait;
    edit.locked = &locked.file;
    try {
      locked.format->undo(locked.path, undo, edit);
    } catch (const Error& e) {
      throw e.in(escape(file));
    }
    console.set_written(file);
    try {
      mark(chosen);
    } catch (const Error& e) {
      throw Error(Errc::kUnfinished, cat(escape(file),
                                         ": is as it was before, but its receipt "
                                         "could not be marked as undone: ",
                                         e.what()));
    }
  }
  console.write(cat(escape(file), options.dry_run ? ": would be" : ": is", " as it was before ",
                    moves == 0 ? "its tensors" : count_of(moves, "name"), " changed, by ",
                    escape(chosen.path), "\n"));
  return ExitStatus::kDone;
}

ExitStatus run_recover(const std::string& path, Wait wait, Console& console) {
  constexpr std::string_view kSaid[] = {"no edit was interrupted; nothing to do",
                                        "an edit was interrupted; it is undone now",
                                        "an edit was interrupted; it is finished now"};
  const Recovery found = recover_checkpoint(path, wait);
  if (found != Recovery::kClean) console.set_written(path);
  console.write(cat(escape(path), ": ", kSaid[static_cast<std::size_t>(found)], "\n"));
  return ExitStatus::kDone;
}

}  // namespace

Action add_undo(CLI::App& app) {
  auto o = std::make_shared<UndoOptions>();
  app.add_option("FILE", o->file, "a file that was remapped in place, or its receipt")->required();
  app.add_flag("-n,--dry-run", o->dry_run, "say what would be done and stop");
  auto* list = app.add_flag("--list", o->list, "list the receipts of FILE, the newest first");
  app.add_option(
         "--forget", o->forget,
         "remove receipts and their undo data: those that are undone (default), one by its\n"
         "number, or all")
      ->expected(0, 1)
      ->default_str("undone")
      ->check(CLI::IsMember({"undone", "all"}) | CLI::PositiveNumber)
      ->type_name("WHICH")
      ->excludes(list);
  add_wait_option(app, o->wait);
  app.footer(help_footer("64 MiB and what the remap changed.",
                         "  ckpt undo model.h5\n"
                         "  ckpt undo model.h5.ckpt-receipt.json\n"
                         "  ckpt undo model.h5 --list\n"));
  return [o](Console& console) {
    if (o->list) return run_list(*o, console);
    if (!o->forget.empty()) return run_forget(*o, console);
    return run_undo(*o, console);
  };
}

Action add_recover(CLI::App& app) {
  struct RecoverOptions {
    std::string file;
    Wait wait = kUsualWait;
  };
  auto o = std::make_shared<RecoverOptions>();
  app.add_option("FILE", o->file, "a file whose edit in place was interrupted")->required();
  add_wait_option(app, o->wait);
  app.footer(help_footer("64 MiB and what the edit changed.", "  ckpt recover model.h5\n"));
  return [o](Console& console) { return run_recover(o->file, o->wait, console); };
}

}  // namespace ckpt
