#include <unistd.h>
#include <CLI/CLI.hpp>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/formats.h"
#include "heap.h"
#include "receipt_files.h"
#include "remap/receipt.h"
#include "rules_input.h"

namespace ckpt {
namespace {

// Without its moves, which take as much as the undo data: how many there were is all that is asked.
Receipt read_receipt(const std::string& path, std::size_t& moves) {
  const std::string text = read_text_file(path);
  try {
    Receipt receipt = parse_receipt(text);
    moves = std::exchange(receipt.moves, std::vector<PathMove>()).size();
    return receipt;
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

ExitStatus run_undo(const std::string& argument, bool dry_run, Console& console) {
  // Some checkpoints are called .json, too.
  const bool is_receipt =
      argument.ends_with(".json") && argument.rfind(".ckpt-receipt") != std::string::npos;
  const std::string receipt_path = is_receipt ? argument : newest_receipt(argument);
  if (receipt_path.empty()) {
    throw Error(Errc::kInvalid, cat(escape(argument), ": there is no receipt beside it (",
                                    escape(argument), ".ckpt-receipt.json)"));
  }
  std::size_t moves = 0;
  const Receipt receipt = read_receipt(receipt_path, moves);
  give_free_memory_back();
  // The file lies beside its receipt, also where both were moved since.
  const std::string file = receipt_path.substr(0, receipt_path.rfind(".ckpt-receipt"));
  if (receipt.input.path != receipt.output.path) {
    throw Error(
        Errc::kInvalid,
        cat(escape(receipt_path), ": is of a remap to a new file; ", escape(receipt.input.path),
            " is as it was. `ckpt remap FILE BACK --invert -m RECEIPT` makes it again."));
  }
  Undo undo;
  try {
    const std::string bytes = read_text_file(undo_path(receipt_path));
    undo = decode_undo(as_byte_view(std::string_view(bytes)));
  } catch (const Error& e) {
    throw Error(e.code(),
                cat(e.what(), "; without it the names can still be led back: `ckpt remap -i ",
                    escape(file), " --invert -m ", escape(receipt_path), "`"));
  }
  const Format& format = detect_format(file);
  if (!dry_run) {
    recover_interrupted(file, console);
    try {
      format.undo(file, undo, InPlace::kAuto);
    } catch (const Error& e) {
      throw e.in(escape(file));
    }
    ::unlink(undo_path(receipt_path).c_str());
    ::unlink(receipt_path.c_str());
  }
  console.write(cat(escape(file), dry_run ? ": would be" : ": is", " as it was before ",
                    count_of(moves, "name"), " changed\n"));
  return ExitStatus::kDone;
}

ExitStatus run_recover(const std::string& path, Console& console) {
  constexpr std::string_view kSaid[] = {"no edit was interrupted; nothing to do",
                                        "an edit was interrupted; it is undone now",
                                        "an edit was interrupted; it is finished now"};
  const Recovery found = recover_checkpoint(path);
  console.write(cat(escape(path), ": ", kSaid[static_cast<std::size_t>(found)], "\n"));
  return ExitStatus::kDone;
}

}  // namespace

Action add_undo(CLI::App& app) {
  struct UndoOptions {
    std::string file;
    bool dry_run = false;
  };
  auto o = std::make_shared<UndoOptions>();
  app.add_option("FILE", o->file, "a file that was remapped in place, or its receipt")->required();
  app.add_flag("-n,--dry-run", o->dry_run, "say what would be done and stop");
  app.footer(help_footer("64 MiB and what the remap changed.",
                         "  ckpt undo model.h5\n"
                         "  ckpt undo model.h5.ckpt-receipt.json\n"));
  return [o](Console& console) { return run_undo(o->file, o->dry_run, console); };
}

Action add_recover(CLI::App& app) {
  auto path = std::make_shared<std::string>();
  app.add_option("FILE", *path, "a file whose edit in place was interrupted")->required();
  app.footer(help_footer("64 MiB and what the edit changed.", "  ckpt recover model.h5\n"));
  return [path](Console& console) { return run_recover(*path, console); };
}

}  // namespace ckpt
