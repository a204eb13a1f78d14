#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <exception>
#include <new>

#include "command.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "formats/hdf5_helper/helper.h"
#include "heap.h"
#include "interrupt.h"

namespace ckpt {
namespace {

struct Command {
  const char* name;
  const char* what;
  AddCommand add;
};

constexpr std::array kCommands{
    Command{"ls", "list the variables of a checkpoint as a tree of scopes", add_ls},
    Command{"show", "describe one variable: statistics, histogram, digest, bytes", add_show},
    Command{"dups", "find variables that a mistake made twice", add_dups},
    Command{"remap", "rename scopes and variables: to a new file, or in place", add_remap},
    Command{"verify", "prove that a checkpoint is what another one was, or computes the same",
            add_verify},
    Command{"run", "compute a network's outputs, or every layer's, from its checkpoint", add_run},
    Command{"init", "build a network's variables with their first values, and save them", add_init},
    Command{"diff", "how two checkpoints differ: names, types, values; renames by their bytes",
            add_diff},
    Command{"convert", "write a checkpoint as another kind of file", add_convert},
    Command{"formats", "list the kinds of files and what can be done with each", add_formats},
    Command{"map", "check, explain or invert the rules of a map file", add_map},
    Command{"undo", "give a file back every byte it had before a remap in place", add_undo},
    Command{"recover", "finish or undo an edit in place that was interrupted", add_recover},
    Command{"doctor", "what of a damaged file is whole; writes that to a new one", add_doctor},
};

// CLI11 answers an unknown sub-command with a sentence about unexpected arguments; this one names
// the nearest.
std::string unknown_command(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  const std::string typed = argv[1];
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (typed == command.name) return "";
    names.emplace_back(command.name);
  }
  const auto near = nearest(typed, names, 1);
  return cat("no command '", escape(typed), "'",
             near.empty() ? cat("; there are ", join(names, ", ")) : did_you_mean(near));
}

// The parser's sentence, the nearest option for a misspelt one, and where to read on.
std::string usage_error(const CLI::ParseError& error, const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  std::string hint;
  for (const std::string& word : command.remaining()) {
    if (!word.starts_with("-")) continue;
    std::vector<std::string> options;
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
    }
    hint = did_you_mean(nearest(word.substr(0, word.find('=')), options, 1));
  }
  const std::string program = chosen.empty() ? "ckpt" : cat("ckpt ", command.get_name());
  return cat(error.what(), hint, hint.empty() ? "; see `" : " See `", program, " --help`");
}

int run_ckpt(int argc, char** argv, Console& console) {
  CLI::App app{"ckpt inspects, de-duplicates, remaps and verifies neural-network checkpoints.",
               "ckpt"};
  app.set_version_flag("--version", std::string(kTool));
  app.set_help_flag("-h,--help", "print this help");
  app.footer(cat(exit_status_help(), "\n`ckpt COMMAND --help` explains a command."));
  app.require_subcommand(1);
  std::vector<std::pair<const CLI::App*, Action>> actions;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.what);
    actions.emplace_back(sub, command.add(*sub));
  }
  if (const std::string sentence = unknown_command(argc, argv); !sentence.empty()) {
    console.complain(sentence);
    return static_cast<int>(ExitStatus::kUsage);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    console.write(app.help());
    console.flush();
    return 0;
  } catch (const CLI::CallForVersion&) {
    console.write(cat(kTool, "\n"));
    console.flush();
    return 0;
  } catch (const CLI::ParseError& e) {
    console.complain(usage_error(e, app));
    return static_cast<int>(ExitStatus::kUsage);
  }
  for (const auto& [sub, action] : actions) {
    if (!sub->parsed()) continue;
    const ExitStatus status = action(console);
    console.flush();
    return static_cast<int>(status);
  }
  return static_cast<int>(ExitStatus::kUsage);
}

}  // namespace
}  // namespace ckpt

namespace ckpt {
namespace {

int run_answering(int argc, char** argv, Console& console) {
  try {
    return run_ckpt(argc, argv, console);
  } catch (const Console::PipeClosed&) {
    return 0;
  } catch (const Error& e) {
    console.complain(e.what());
    return static_cast<int>(exit_status_of(e.code()));
  } catch (const std::bad_alloc&) {
    console.complain("not enough memory");
    return static_cast<int>(ExitStatus::kUnreadable);
  } catch (const std::exception& e) {
    console.complain(cat("this is a bug in ckpt, please report it: ", e.what()));
    return static_cast<int>(ExitStatus::kBug);
  }
}

}  // namespace
}  // namespace ckpt

int main(int argc, char** argv) {
  // A closed pipe is an error of write() to be answered quietly, a file-size limit one to be
  // answered with a sentence; neither should end the program on the spot.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  ckpt::answer_interrupts();
  ckpt::set_up_heap();
  ckpt::Console console;
  const int status = ckpt::run_answering(argc, argv, console);
  if (ckpt::hdf5::helper_was_unfiltered()) {
    console.complain(
        "note: this kernel cannot filter system calls (it has no seccomp), so libhdf5 worked under "
        "limits alone; do not open HDF5 files here that you do not trust");
  }
  return status;
}
