#include <CLI/CLI.hpp>
#include <algorithm>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "crash_guard.h"
#include "formats/npy.h"
#include "output_file.h"
#include "progress.h"
#include "report/variable_report.h"

namespace ckpt {
namespace {

struct ShowOptions {
  std::string file;
  std::string name;
  std::string npy;
  bool overwrite = false;
  bool raw = false;
  bool json = false;
  bool paths = false;
  std::string color = "auto";
};

std::size_t find_variable(const Reader& reader, const std::string& name) {
  if (const auto i = reader.find(name)) return *i;
  std::vector<std::string> names;
  for (const Entry& entry : reader.index().entries) {
    names.push_back(entry.name);
    names.insert(names.end(), entry.aliases.begin(), entry.aliases.end());
  }
  throw Error(Errc::kInvalid,
              cat("no variable '", escape(name), "' in it", did_you_mean(nearest(name, names))));
}

void write_npy_file(const ShowOptions& options, const Reader& reader, std::size_t i,
                    Console& console) {
  try {
    write_npy(reader, i, options.npy, overwrite_if(options.overwrite));
  } catch (const Error& e) {
    throw e.in(escape(options.npy));
  }
  console.set_written(options.npy);
  const DType dtype = reader.index().entries[i].dtype;
  if (npy_header(dtype, {}).find("|V") != std::string::npos) {
    console.complain(cat(escape(options.npy), ": note: NumPy has no ", name_of(dtype),
                         "; the file holds its bytes as void elements of ", size_of(dtype)));
  }
}

ExitStatus run_show(const ShowOptions& options, Console& console) {
  const auto reader = open_input(options.file, options.paths, console);
  try {
    const CrashGuard guard(options.file);
    const std::size_t i = find_variable(*reader, options.name);
    if (options.raw) {
      for_each_piece(*reader, i,
                     [&](std::uint64_t, ByteView piece) { console.write(as_text(piece)); });
    } else if (!options.npy.empty()) {
      write_npy_file(options, *reader, i, console);
    } else {
      ProgressBar bar(cat(escape(options.file), ": reading"));
      const VariableReport report = describe_variable(
          *reader, i, [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
      bar.clear();
      const Output out = console.output();
      if (options.json) {
        JsonStream json(out);
        write_variable(report, options.file, kTool, json);
      } else {
        print_variable(report, console.style(options.color), out);
      }
    }
  } catch (const Error& e) {
    if (e.code() == Errc::kWrite) throw;
    throw e.in(escape(options.file));
  }
  return ExitStatus::kDone;
}

}  // namespace

Action add_show(CLI::App& app) {
  auto o = std::make_shared<ShowOptions>();
  app.add_option("FILE", o->file, "a checkpoint")->required();
  app.add_option("NAME", o->name, "a variable, as `ckpt ls --flat` calls it")->required();
  auto* raw = app.add_flag(
      "--raw", o->raw, "write the variable's bytes to standard output: row-major, little-endian");
  auto* npy =
      app.add_option("--npy", o->npy, "write the variable as a NumPy file")->type_name("OUT");
  app.add_flag("--overwrite", o->overwrite, "replace OUT where it exists")->needs(npy);
  auto* json = app.add_flag("--json", o->json, "one JSON object, schema ckpt/show/1");
  app.add_flag("--paths", o->paths, "NAME is a place in the file");
  raw->excludes(npy)->excludes(json);
  npy->excludes(json);
  app.add_option("--color", o->color, "auto (default), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.footer(help_footer("64 MiB and 200 bytes a variable; tensors are streamed.",
                         "  ckpt show model.h5 dense/kernel\n"
                         "  ckpt show model.h5 dense/kernel --raw | xxhsum -H2\n"
                         "  ckpt show model.h5 dense/kernel --npy kernel.npy\n"));
  return [o](Console& console) { return run_show(*o, console); };
}

}  // namespace ckpt
