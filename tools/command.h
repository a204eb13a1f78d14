#pragma once

#include <functional>
#include <memory>
#include <string>

#include "checkpoint/reader.h"
#include "console.h"
#include "exit_status.h"
#include "formats/formats.h"

// A header of CLI11 takes seconds to compile: the commands' sources alone include it.
namespace CLI {
class App;
}

namespace ckpt {

// "ckpt 0.1.0": what reports call their maker.
inline constexpr std::string_view kTool = "ckpt " CKPT_VERSION;

// A sub-command: declares its options on `app` and gives back what to do once they are parsed.
// Parsing opens no file. Errors leave the action as exceptions and main() answers them.
using Action = std::function<ExitStatus(Console&)>;
using AddCommand = Action (*)(CLI::App& app);

Action add_ls(CLI::App& app);
Action add_show(CLI::App& app);
Action add_dups(CLI::App& app);
Action add_remap(CLI::App& app);
Action add_convert(CLI::App& app);
Action add_diff(CLI::App& app);
Action add_formats(CLI::App& app);
Action add_map(CLI::App& app);
Action add_undo(CLI::App& app);
Action add_recover(CLI::App& app);
Action add_doctor(CLI::App& app);
Action add_init(CLI::App& app);
Action add_run(CLI::App& app);
Action add_verify(CLI::App& app);

// What a FILE argument means: a file, and with FILE:SCOPE a scope in it. Where a file of the whole
// name exists it is that file.
struct Target {
  std::string path;
  std::string scope;
};
Target parse_target(const std::string& argument);

// Is there a file of a format that is read? Its first bytes are looked at.
bool is_checkpoint(const std::string& path);

// Opens a checkpoint for a command: notes go to standard error, behind the file's name. To
// `salvage`, what is lost is complained of, and the rest is opened.
std::unique_ptr<Reader> open_input(const std::string& path, bool use_paths, Console& console,
                                   bool salvage = false);
std::unique_ptr<Reader> open_input(const LockedCheckpoint& locked, bool use_paths,
                                   Console& console);

// Locks a checkpoint that a command plans an edit for. One that is to be changed, and whose last
// edit was interrupted, is recovered first, and that is said; also which file it is, where the path
// leads there by a symbolic link.
LockedCheckpoint lock_input(const std::string& path, LockFor purpose, Wait wait, Console& console);

// The footer of a command's help: its exit statuses, memory and examples.
std::string help_footer(std::string_view memory, std::string_view examples);

}  // namespace ckpt
