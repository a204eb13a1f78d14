#include <CLI/CLI.hpp>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "crash_guard.h"
#include "dups/digest.h"
#include "formats/formats.h"
#include "graph_input.h"
#include "heap.h"
#include "interrupt.h"
#include "model/initial_checkpoint.h"
#include "output_file.h"
#include "receipts.h"
#include "remap/execute.h"
#include "remap/invert.h"
#include "remap/receipt.h"
#include "report/plan_report.h"
#include "rules_input.h"
#include "storage/receipt_files.h"
#include "wait_option.h"

namespace ckpt {
namespace {

struct RemapOptions {
  std::vector<std::string> files;
  RulesInput rules;
  PlanOptions plan;
  EditOptions edit;
  bool in_place = false;
  bool invert = false;
  bool dry_run = false;
  bool explain = false;
  bool digests = false;
  bool no_receipt = false;
  bool json = false;
  bool overwrite = false;
  GraphChoice expect;
  std::string rest = "keep";
  std::string how = "auto";
  std::string color = "auto";
};

std::vector<std::string> names_of(const Index& index) {
  std::vector<std::string> names;
  for (const Entry& entry : index.entries) names.push_back(entry.name);
  return names;
}

// Rules and plan options of the way back that --invert asks for.
Rules inverted(const RemapOptions& options, const Index& index, PlanOptions& plan) {
  const std::string text =
      options.rules.map_file.empty() ? "" : read_text_file(options.rules.map_file);
  if (text.find("\"ckpt/receipt/") != std::string::npos) {
    const ReceiptInverse inverse = invert(parse_receipt(text));
    if (!inverse.lost.empty()) {
      throw Error(Errc::kConflict, cat("the remap dropped ", list_names(inverse.lost),
                                       ", which no rule brings back"));
    }
    const Rest rest = plan.rest;
    plan = way_back_options();
    plan.rest = rest;
    return inverse.rules;
  }
  const Rules rules = read_rules(options.rules, index.separator, names_of(index));
  const Inversion inversion = invert(rules, {}, plan);
  if (!inversion.offenders.empty()) {
    std::string message = "these rules cannot be inverted:";
    for (const Offender& offender : inversion.offenders) {
      message += cat("\n  ", escape(describe(rules, offender.rule)), ": ", offender.why);
    }
    throw Error(Errc::kConflict, message + "\nthe receipt of the remap can: -m RECEIPT --invert");
  }
  return inversion.rules;
}

// The file that a target stands for: receipts lie beside it.
std::string real_target(const std::string& path) {
  return is_symlink(path) ? real_path(path) : path;
}

// The variables of a checkpoint, or those that a graph makes.
std::vector<Entry> expected_entries(const RemapOptions& options, Console& console) {
  const GraphChoice& expect = options.expect;
  if (is_graph_text(expect.file) && !is_checkpoint(expect.file)) {
    const Graph graph = read_graph(expect, nullptr, console);
    return open_initial(graph)->index().entries;
  }
  refuse_settings(expect);
  return open_input(expect.file, false, console)->index().entries;
}

void complain_of_problems(const Plan& plan, const std::string& input, Console& console) {
  for (const Problem& problem : plan.problems) {
    console.complain(cat(escape(input), ": ", problem.message));
  }
}

std::vector<std::pair<std::string, std::string>> digests_of(const Reader& reader,
                                                            const Plan& plan) {
  std::vector<std::pair<std::string, std::string>> digests;
  for (const Move& move : plan.moves) {
    if (is_drop(move) || move.is_alias || move.transform != kNoIndex) continue;
    if (!is_numeric(reader.index().entries[move.entry].dtype)) continue;
    digests.emplace_back(move.to, "xxh3-128:" + to_string(digest_of(reader, move.entry)));
  }
  return digests;
}

ExitStatus run_remap(const RemapOptions& options, Console& console) {
  const std::string& input = options.files.at(0);
  const std::string output = options.in_place ? "" : options.files.at(1);
  // What is planned is what is edited: the lock is held from reading to writing.
  const bool changes = options.in_place && !options.dry_run;
  const LockedCheckpoint locked = lock_input(
      input, changes ? LockFor::kChanging : LockFor::kReading, options.edit.wait, console);
  auto reader = open_input(locked, options.edit.use_paths, console);
  const Format& format = *locked.format;
  if (format.edit == nullptr) {
    throw Error(Errc::kUnsupported,
                cat(escape(input), ": ", format.name, " files are read, but cannot be remapped"));
  }
  PlanOptions plan_options = options.plan;
  plan_options.target = limits_of(format);
  const Index& index = reader->index();
  const Rules rules = options.invert ? inverted(options, index, plan_options)
                                     : read_rules(options.rules, index.separator, names_of(index));
  if (rules.rules.empty()) {
    // A map that `ckpt dups --fix` wrote where there was nothing to mend; but what is to become of
    // all the names is not guessed.
    if (options.rules.map_file.empty() || plan_options.rest != Rest::kKeep) {
      throw Error(Errc::kInvalid, "no rules; give some with -r 'SOURCE = TARGET' or -m MAP");
    }
    console.complain(cat("note: ", escape(options.rules.map_file),
                         " has no rules, so every name stays as it is"));
  }
  const Plan plan = make_plan(index.entries, rules, plan_options);
  for (const std::string& note : plan.notes) console.complain(cat("note: ", note));

  RemapReport report{.input = input,
                     .output = output,
                     .dry_run = options.dry_run,
                     .explain = options.explain,
                     .result = {},
                     .receipt = "",
                     .expectation = {}};
  bool refused = !plan.problems.empty();
  if (!refused && !options.expect.file.empty()) {
    report.expectation = compare_outcome(plan, index.entries, expected_entries(options, console));
    for (const ExpectationFault& fault : report.expectation) console.complain(fault.message);
  }
  complain_of_problems(plan, input, console);

  const bool unexpected = !report.expectation.empty();
  const bool nothing_to_do =
      plan.already_migrated || (options.in_place && !has_changes(plan)) || refused || unexpected;
  if (!nothing_to_do) {
    const Receipt::File source{input, index.format, index.layout, index.file_bytes};
    decltype(Receipt::digests) digests;
    if (options.digests) digests = digests_of(*reader, plan);
    reader.reset();  // it holds the index, and shards' locks
    give_free_memory_back();
    EditOptions edit_options = options.edit;
    edit_options.plan_only = options.dry_run;
    edit_options.report_operations = options.json;
    edit_options.overwrite = overwrite_if(options.overwrite);
    edit_options.locked = &locked.file;
    NewReceipt files(options.in_place ? receipt_base(locked) : real_target(output),
                     locked.file.fd());
    if (!options.no_receipt && !options.dry_run) {
      files.check_name();
      edit_options.before_commit = [&](const EditResult& result) {
        Receipt receipt = make_receipt(plan, rules);
        receipt.tool = kTool;
        receipt.input = receipt.output = source;
        receipt.output.path = options.in_place ? input : output;
        receipt.output.bytes = result.size_after;
        if (result.fingerprint) receipt.output.fingerprint = to_string(*result.fingerprint);
        receipt.digests = std::move(digests);
        files.write([&](const auto& out) { write_receipt(receipt, out); },
                    options.in_place && result.can_undo ? &result.undo : nullptr);
        report.receipt = files.path();
      };
    }
    const InterruptWords words;
    edit_options.before_commit =
        InterruptWords::until_written(std::move(edit_options.before_commit), options.in_place);
    try {
      report.result = format.edit(locked.path, output, make_edit(plan), edit_options);
      files.keep();
      if (!options.dry_run) console.set_written(changes ? input : output);
    } catch (const Error& e) {
      if (e.code() == Errc::kUnfinished) files.keep();
      const bool about_target =
          e.code() == Errc::kWrite || e.code() == Errc::kUnfinished || e.code() == Errc::kConflict;
      throw e.in(escape(about_target && !output.empty() ? output : input));
    }
    for (const std::string& note : report.result.notes) console.complain(cat("note: ", note));
  }
  const Output out = console.output();
  if (options.json) {
    JsonStream json(out);
    write_remap(plan, rules, report, kTool, json);
  } else if (!refused) {
    print_remap(plan, rules, report, console.style(options.color), out);
  }
  if (refused) return ExitStatus::kRules;
  return unexpected ? ExitStatus::kNo : ExitStatus::kDone;
}

}  // namespace

Action add_remap(CLI::App& app) {
  auto o = std::make_shared<RemapOptions>();
  app.add_option("FILES", o->files, "IN OUT; with -i FILE alone")->required()->expected(1, 2);
  app.add_option("-r,--rule", o->rules.texts, "a rule, 'SOURCE = TARGET'; repeatable")
      ->type_name("RULE")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  auto* map =
      app.add_option("-m,--map", o->rules.map_file, "a map file of rules (JSON)")->type_name("MAP");
  app.add_flag("--tf-compat", o->rules.tf_compat, "MAP is a TensorFlow assignment map")->needs(map);
  app.add_flag("--invert", o->invert, "go the way back; MAP may be a receipt")->needs(map);
  app.add_flag("-i,--in-place", o->in_place, "change the file itself, crash-safe");
  app.add_option("--how", o->how, "in place: auto (default), replace (by a clone), journal")
      ->check(CLI::IsMember({"auto", "replace", "journal"}))
      ->type_name("HOW");
  app.add_flag("-n,--dry-run", o->dry_run, "print the plan and stop");
  app.add_flag("--explain", o->explain, "print which rule decided each name");
  auto* expect =
      app.add_option(
             "--expect", o->expect.file,
             "compare the outcome's names, shapes and dtypes first with those of a checkpoint,\n"
             "a graph file or a Keras config")
          ->type_name("REF");
  add_settings(app, o->expect, expect);
  app.add_option("--rest", o->rest, "names that no rule claims: keep (default), drop, error")
      ->check(CLI::IsMember({"keep", "drop", "error"}))
      ->type_name("WHAT");
  app.add_flag("!--no-companions", o->plan.companions,
               "leave slots and averages where they are when their variable moves");
  app.add_flag("--paths", o->edit.use_paths, "rules speak of places in the file");
  app.add_flag("--repack", o->edit.repack, "to a new file: give back the room of what is dropped");
  app.add_flag("--digests", o->digests, "put a digest of each tensor in the receipt");
  app.add_flag("--no-receipt", o->no_receipt, "write no receipt");
  app.add_flag("--overwrite", o->overwrite, "replace OUT where it exists");
  add_wait_option(app, o->edit.wait);
  app.add_flag("--json", o->json, "one JSON object, schema ckpt/remap/1");
  app.add_option("--color", o->color, "auto (default), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.footer(
      help_footer("64 MiB and 200 bytes a variable; tensors are cloned or streamed.",
                  "  ckpt remap in.h5 out.h5 -r module/=/              strip a prefix\n"
                  "  ckpt remap -i model.h5 -r encoder/=backbone/      move a scope, in place\n"
                  "  ckpt remap in.h5 out.h5 -r 'layer_{i:int}/{p:path} = h/{i}/{p}' -n\n"
                  "  ckpt remap in.h5 out.h5 -m map.json --expect reference.h5\n"));
  return [o](Console& console) {
    if (o->in_place != (o->files.size() == 1)) {
      throw Error(Errc::kInvalid, o->in_place ? "with -i one file is needed, the one to change"
                                              : "two files are needed, IN and OUT; -i changes one "
                                                "in place");
    }
    o->plan.rest = o->rest == "keep" ? Rest::kKeep : o->rest == "drop" ? Rest::kDrop : Rest::kError;
    o->edit.in_place = o->how == "auto"      ? InPlace::kAuto
                       : o->how == "replace" ? InPlace::kReplace
                                             : InPlace::kJournal;
    return run_remap(*o, console);
  };
}

}  // namespace ckpt
