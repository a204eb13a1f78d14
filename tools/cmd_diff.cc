#include <CLI/CLI.hpp>

#include "command.h"
#include "correspondence.h"
#include "report/diff_report.h"

namespace ckpt {
namespace {

struct DiffOptions {
  std::string a;
  std::string b;
  std::string map;
  bool all = false;
  bool json = false;
};

ExitStatus run_diff(const DiffOptions& options, Console& console) {
  const auto a = open_input(options.a, false, console);
  const auto b = open_input(options.b, false, console);
  const Correspondence names = correspond(*a, *b, options.b, options.map, false, console);
  const CheckpointDiff diff = diff_checkpoints(*names.expected, *b);
  const DiffReport report{options.a, options.b, &diff, options.all};
  const Output out = console.output();
  if (options.json) {
    JsonStream json(out);
    write_diff(report, kTool, json);
  } else {
    print_diff(report, out);
  }
  return diff.is_same() ? ExitStatus::kDone : ExitStatus::kNo;
}

}  // namespace

Action add_diff(CLI::App& app) {
  auto o = std::make_shared<DiffOptions>();
  app.add_option("A", o->a, "a checkpoint")->required();
  app.add_option("B", o->b, "another, of any kind")->required();
  app.add_option("-m,--map", o->map, "rules or a receipt by which A's names became B's")
      ->type_name("MAP");
  app.add_flag("--all", o->all, "print every name, not the first 20 of each kind");
  app.add_flag("--json", o->json, "one JSON object, schema ckpt/diff/1");
  app.footer(help_footer("64 MiB and 200 bytes a variable; 200 MiB where names differ.",
                         "  ckpt diff epoch1.h5 epoch2.h5\n"
                         "  ckpt diff model.h5 model.safetensors\n"
                         "  ckpt diff old.h5 new.h5 -m map.json\n"));
  return [o](Console& console) { return run_diff(*o, console); };
}

}  // namespace ckpt
