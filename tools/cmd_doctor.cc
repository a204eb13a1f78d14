#include <CLI/CLI.hpp>

#include "checkpoint/checkup.h"
#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "crash_guard.h"
#include "formats/formats.h"
#include "output_file.h"
#include "progress.h"
#include "report/checkup_report.h"

namespace ckpt {
namespace {

struct DoctorOptions {
  std::string file;
  std::string salvage;
  bool overwrite = false;
  bool json = false;
  std::string color = "auto";
};

void salvage(const DoctorOptions& options, const Checkup& checkup, const Reader& reader) {
  if (checkup.whole.empty()) {
    throw Error(Errc::kCorrupt, cat(escape(options.file), ": nothing of it is whole, so that ",
                                    escape(options.salvage), " was not written"));
  }
  const auto writer = create_checkpoint(options.salvage, specs_of(checkup, reader.index()),
                                        {.overwrite = overwrite_if(options.overwrite)});
  write_whole(checkup, reader, *writer);
}

ExitStatus run_doctor(const DoctorOptions& options, Console& console) {
  const CrashGuard guard(options.file);
  CheckupReport report{.path = options.file};
  std::unique_ptr<Reader> reader;
  try {
    reader = open_checkpoint(options.file);
  } catch (const Error& e) {
    if (e.code() == Errc::kNotFound) throw;
    reader = open_checkpoint(options.file, {.salvage = true});  // or says the same
    report.damage = e.what();
    const std::string where = cat(escape(options.file), ": ");
    if (report.damage.starts_with(where)) report.damage.erase(0, where.size());
  }
  {
    ProgressBar bar(cat(escape(options.file), ": reading"));
    report.checkup =
        check_up(*reader, [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
  }
  if (is_healthy(report)) report.upkeep = look_after(options.file);
  if (!options.salvage.empty()) {
    salvage(options, report.checkup, *reader);
    report.salvaged = options.salvage;
    console.set_written(options.salvage);
  }
  const Output out = console.output();
  if (options.json) {
    JsonStream json(out);
    write_checkup(report, reader->index(), kTool, json);
  } else {
    print_checkup(report, reader->index(), console.style(options.color), out);
  }
  return is_healthy(report) ? ExitStatus::kDone : ExitStatus::kNo;
}

}  // namespace

Action add_doctor(CLI::App& app) {
  auto o = std::make_shared<DoctorOptions>();
  app.add_option("FILE", o->file, "a checkpoint, damaged or not")->required();
  auto* target =
      app.add_option("--salvage", o->salvage, "write the variables that are whole to a new file")
          ->type_name("OUT");
  app.add_flag("--overwrite", o->overwrite, "replace OUT where it exists")->needs(target);
  app.add_flag("--json", o->json, "one JSON object, schema ckpt/doctor/1");
  app.add_option("--color", o->color, "auto (default), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.footer(help_footer("64 MiB and 300 bytes a variable; tensors are streamed.",
                         "  ckpt doctor model.h5\n"
                         "  ckpt doctor cut.h5 --salvage whole.h5\n"));
  return [o](Console& console) { return run_doctor(*o, console); };
}

}  // namespace ckpt
