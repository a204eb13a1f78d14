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

namespace {

std::unique_ptr<Reader> tell_notes(const std::string& path, std::unique_ptr<Reader> reader,
                                   Console& console) {
  for (const std::string& note : reader->index().notes) {
    console.complain(cat(escape(path), ": note: ", note));
  }
  for (const Loss& loss : reader->index().lost) {
    console.complain(cat(escape(path), ": lost: ", loss.name.empty() ? "/" : escape(loss.name),
                         ": ", loss.reason));
  }
  return reader;
}

}  // namespace

std::unique_ptr<Reader> open_input(const std::string& path, bool use_paths, Console& console,
                                   bool salvage) {
  const CrashGuard guard(path);
  return tell_notes(path, open_checkpoint(path, {.use_paths = use_paths, .salvage = salvage}),
                    console);
}

std::unique_ptr<Reader> open_input(const LockedCheckpoint& locked, bool use_paths,
                                   Console& console) {
  const CrashGuard guard(locked.name);
  return tell_notes(locked.name, open_checkpoint(locked, {.use_paths = use_paths}), console);
}

bool is_checkpoint(const std::string& path) {
  try {
    (void)detect_format(path);
    return true;
  } catch (const Error&) {
    return false;
  }
}

LockedCheckpoint lock_input(const std::string& path, LockFor purpose, Wait wait, Console& console) {
  while (true) {
    LockedCheckpoint locked = lock_checkpoint(path, purpose, wait);
    if (purpose == LockFor::kReading) return locked;
    const Recovery found = recover_checkpoint(locked, wait);
    if (found == Recovery::kClean) {
      if (is_symlink(path)) {
        console.complain(
            cat(escape(path), ": note: is a symbolic link; the file is ", escape(locked.path)));
      }
      return locked;
    }
    console.complain(cat(escape(path), ": note: an edit of it was interrupted; it is ",
                         found == Recovery::kFinished ? "finished now" : "taken back now"));
  }
}

std::string help_footer(std::string_view memory, std::string_view examples) {
  return cat(exit_status_help(), "\nMemory: ", memory, "\n\nExamples:\n", examples);
}

}  // namespace ckpt
