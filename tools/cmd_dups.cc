#include <CLI/CLI.hpp>
#include <algorithm>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "crash_guard.h"
#include "dups/find_duplicates.h"
#include "dups/finding_help.h"
#include "dups/fix_rules.h"
#include "output_file.h"
#include "progress.h"
#include "report/findings_report.h"

namespace ckpt {
namespace {

struct DupsOptions {
  std::vector<std::string> files;
  std::vector<std::string> across;
  DupsRequest request;
  std::vector<std::string> only;
  std::string fail_on = "strong";
  std::string fix;
  bool fix_all = false;
  bool overwrite = false;
  bool all = false;
  bool json = false;
  bool junit = false;
  bool paths = false;
  std::string explain;
  std::string color = "auto";
};

std::vector<std::string> code_names() {
  std::vector<std::string> names;
  for (int i = 0; i < kFindingCodeCount; ++i) {
    names.emplace_back(name_of(static_cast<FindingCode>(i)));
  }
  return names;
}

FindingCode code_of(const std::string& name) {
  if (const auto code = parse_finding_code(name)) return *code;
  const auto names = code_names();
  const auto near = nearest(name, names, 1);
  throw Error(Errc::kInvalid,
              cat("no code '", escape(name), "'",
                  near.empty() ? cat("; there are ", join(names, ", ")) : did_you_mean(near)));
}

void write_fix(const DupsOptions& options, const FindingsReport& report, Console& console) {
  const auto& findings = report.found->findings;
  const std::size_t count = fix_rules(findings, options.fix_all, report.least).size();
  const std::size_t asked = fix_rules(findings, true, report.least).size();
  write_output(options.fix, overwrite_if(options.overwrite), [&](const auto& out) {
    std::string text;
    const Output gather = [&](std::string_view piece) { text += piece; };
    JsonStream json(gather);
    write_fix_map(report, options.fix_all, json);
    out(text);
    if (!text.ends_with('\n')) out("\n");
  });
  console.set_written(options.fix);
  console.complain(cat(escape(options.fix), ": ", count_of(count, "rule"), " written",
                       asked > count ? cat("; ", count_of(asked - count, "more rule"),
                                           " of what is less sure, with --fix-all")
                       : count == 0  ? "; there is nothing to mend"
                                     : ""));
}

ExitStatus run_dups(const DupsOptions& options, Console& console) {
  if (!options.explain.empty()) {
    console.write(help_of(code_of(options.explain)));
    return ExitStatus::kDone;
  }
  DupsRequest request = options.request;
  for (const std::string& name : options.only) request.only.push_back(code_of(name));
  std::vector<std::string> files = options.files;
  files.insert(files.end(), options.across.begin(), options.across.end());
  request.across = !options.across.empty();
  if (files.empty()) throw Error(Errc::kInvalid, "FILE is required; see `ckpt dups --help`");
  if (request.across && files.size() < 2) {
    throw Error(Errc::kInvalid, "--across needs two files or more");
  }
  if (!request.across && files.size() > 1) {
    throw Error(Errc::kInvalid,
                "one FILE at a time; `ckpt dups --across A B` tells what files have in common");
  }

  std::vector<std::unique_ptr<Reader>> readers;
  std::vector<const Reader*> views;
  FindingsReport report;
  for (const std::string& file : files) {
    readers.push_back(open_input(file, options.paths, console));
    views.push_back(readers.back().get());
    report.inputs.push_back({file, &readers.back()->index()});
  }
  ProgressBar bar(cat(escape(files.front()), ": comparing"));
  request.progress = [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); };
  Duplicates found;
  try {
    const CrashGuard guard(files.front());
    found = find_duplicates(views, request);
  } catch (const Error& e) {
    throw files.size() == 1 ? e.in(escape(files.front())) : e;
  }
  bar.clear();
  for (const std::string& note : found.notes) {
    console.complain(files.size() == 1 ? cat(escape(files.front()), ": note: ", note)
                                       : cat("note: ", note));
  }
  report.found = &found;
  report.least = options.all ? Confidence::kExplained : Confidence::kLikely;
  const Confidence fail_on = parse_confidence(options.fail_on).value_or(Confidence::kStrong);
  const Output out = console.output();
  if (options.json) {
    JsonStream json(out);
    write_findings(report, kTool, json);
  } else if (options.junit) {
    write_findings_junit(report, fail_on, kTool, out);
  } else {
    print_findings(report, console.style(options.color), out);
  }
  if (!options.fix.empty()) write_fix(options, report, console);
  const bool fails = std::ranges::any_of(
      found.findings, [&](const Finding& finding) { return finding.confidence >= fail_on; });
  // That nothing was found is no answer where values could not be looked at.
  return fails || found.unread > 0 ? ExitStatus::kNo : ExitStatus::kDone;
}

}  // namespace

Action add_dups(CLI::App& app) {
  auto o = std::make_shared<DupsOptions>();
  app.add_option("FILE", o->files, "a checkpoint")->type_name("")->expected(1, 1000000);
  app.add_option("--across", o->across, "what two checkpoints or more have in common, instead")
      ->type_name("A B…")
      ->expected(1, 1000000);
  app.add_option("--explain", o->explain, "all about one kind of finding")->type_name("CODE");
  app.add_option("--only", o->only, "only findings of this code; repeatable")
      ->type_name("CODE")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  app.add_flag("--all", o->all, "show possible and explained findings too");
  app.add_flag("--near", o->request.near, "also copies that differ by a cast or by little");
  app.add_flag("--deep", o->request.deep, "check the digests that the file stores");
  app.add_option("--min-bytes", o->request.min_bytes,
                 "compare no smaller tensors byte by byte (default 64)")
      ->check([](const std::string& text) {
        const bool is_number = text.find_first_not_of("0123456789") == std::string::npos;
        return is_number ? std::string() : cat("'", escape(text), "' is no number of bytes");
      })
      ->type_name("N");
  app.add_option("--fail-on", o->fail_on,
                 "status 1 from this confidence on: explained, possible, likely, strong (default), "
                 "certain")
      ->check(CLI::IsMember({"explained", "possible", "likely", "strong", "certain"}))
      ->type_name("CONFIDENCE");
  auto* fix = app.add_option("--fix", o->fix, "write the rules that mend it, for `ckpt remap -m`")
                  ->type_name("MAP");
  app.add_flag("--fix-all", o->fix_all, "with --fix: of all findings that are shown")->needs(fix);
  app.add_flag("--overwrite", o->overwrite, "replace MAP where it exists")->needs(fix);
  app.add_flag("--paths", o->paths, "call variables by their place in the file");
  auto* json = app.add_flag("--json", o->json, "one JSON object, schema ckpt/dups/1");
  auto* junit = app.add_flag("--junit", o->junit, "JUnit XML, for build servers");
  json->excludes(junit);
  app.add_option("--color", o->color, "auto (default), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.footer(
      help_footer("64 MiB and 200 bytes a variable; tensors are streamed.",
                  "  ckpt dups model.h5                     what is there twice, and why\n"
                  "  ckpt dups model.h5 --fix fix.json; ckpt remap model.h5 clean.h5 -m fix.json\n"
                  "  ckpt dups --explain ghost-twin\n"
                  "  ckpt dups --across old.h5 new.h5\n"));
  return [o](Console& console) { return run_dups(*o, console); };
}

}  // namespace ckpt
