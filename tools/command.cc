#include "command.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/system.h"
#include "core/text.h"
#include "crash_guard.h"
#include "formats/formats.h"

namespace ckpt {

Target parse_target(const std::string& argument) {
  if (is_there(argument)) return {argument, ""};
  for (auto colon = argument.find(':'); colon != std::string::npos;
       colon = argument.find(':', colon + 1)) {
    const std::string path = argument.substr(0, colon);
    if (is_there(path)) return {path, argument.substr(colon + 1)};
  }
  return {argument, ""};
}

bool recover_interrupted(const std::string& path, Console& console) {
  try {
    const Recovery found = recover_checkpoint(path);
    if (found == Recovery::kClean) return false;
    console.complain(cat(escape(path), ": note: an edit of it was interrupted; it is ",
                         found == Recovery::kFinished ? "finished now" : "taken back now"));
    return true;
  } catch (const Error&) {
    return false;  // what opening the file said is the better answer
  }
}

std::unique_ptr<Reader> open_input(const std::string& path, bool use_paths, Console& console,
                                   bool salvage) {
  const CrashGuard guard(path);
  const OpenOptions options{.use_paths = use_paths, .salvage = salvage};
  std::unique_ptr<Reader> reader;
  try {
    reader = open_checkpoint(path, options);
  } catch (const Error& e) {
    if (e.code() != Errc::kIo || !recover_interrupted(path, console)) throw;
    reader = open_checkpoint(path, options);
  }
  for (const std::string& note : reader->index().notes) {
    console.complain(cat(escape(path), ": note: ", note));
  }
  for (const Loss& loss : reader->index().lost) {
    console.complain(cat(escape(path), ": lost: ", loss.name.empty() ? "/" : escape(loss.name),
                         ": ", loss.reason));
  }
  return reader;
}

std::string help_footer(std::string_view memory, std::string_view examples) {
  return cat(exit_status_help(), "\nMemory: ", memory, "\n\nExamples:\n", examples);
}

}  // namespace ckpt
