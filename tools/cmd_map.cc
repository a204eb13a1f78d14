#include <CLI/CLI.hpp>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/formats.h"
#include "remap/explain.h"
#include "remap/invert.h"
#include "remap/lint.h"
#include "remap/rule_file.h"
#include "rules_input.h"

namespace ckpt {
namespace {

struct MapOptions {
  std::string map;
  std::string file;
};

struct Input {
  Rules rules;
  std::vector<Entry> entries;
  PlanOptions plan;
};

Input read(const MapOptions& options, Console& console) {
  Input input;
  char separator = '/';
  if (!options.file.empty()) {
    const auto reader = open_input(options.file, false, console);
    input.entries = reader->index().entries;
    input.plan.target = limits_of(detect_format(options.file));
    separator = reader->index().separator;
  }
  input.rules = read_rules({.texts = {}, .map_file = options.map}, separator, {});
  return input;
}

ExitStatus check(const MapOptions& options, Console& console) {
  const auto [rules, entries, plan_options] = read(options, console);
  bool fine = true;
  for (const LintFinding& finding : lint(rules)) {
    // That a rule can only be undone by its receipt is worth knowing, and no fault.
    const bool fault = finding.code != LintCode::kNotInvertible;
    fine = fine && !fault;
    console.write(cat(name_of(finding.code), ": ", finding.message, "\n"));
  }
  if (!options.file.empty()) {
    const Plan plan = make_plan(entries, rules, plan_options);
    for (const Problem& problem : plan.problems) {
      fine = false;
      console.write(cat(name_of(problem.code), ": ", problem.message, "\n"));
    }
  }
  if (fine) console.write(cat(count_of(rules.rules.size(), "rule"), ", no fault found\n"));
  return fine ? ExitStatus::kDone : ExitStatus::kNo;
}

ExitStatus explain_names(const MapOptions& options, Console& console) {
  const auto [rules, entries, plan_options] = read(options, console);
  std::vector<std::string> names;
  for (const Entry& entry : entries) names.push_back(entry.name);
  for (const Explanation& explanation : explain(names, rules)) {
    std::string line =
        cat(escape(explanation.name), "   ",
            explanation.rule == kNoIndex
                ? "no rule"
                : escape(describe(rules, static_cast<std::size_t>(explanation.rule))));
    for (const std::size_t shadowed : explanation.shadowed) {
      line += cat("; shadows ", escape(describe(rules, shadowed)));
    }
    console.write(line + "\n");
  }
  return ExitStatus::kDone;
}

ExitStatus invert_rules(const MapOptions& options, Console& console) {
  const auto [rules, entries, plan_options] = read(options, console);
  const Inversion inversion = invert(rules, entries, plan_options);
  for (const Offender& offender : inversion.offenders) {
    console.complain(
        cat(escape(describe(rules, offender.rule)), " cannot be inverted: ", offender.why));
  }
  if (!inversion.offenders.empty()) return ExitStatus::kRules;
  if (!options.file.empty()) {
    const RoundTrip trip = prove_round_trip(entries, rules, inversion.rules, plan_options);
    for (const Problem& problem : trip.problems) console.complain(problem.message);
    for (const RoundTripFault& fault : trip.faults) {
      console.complain(cat(
          escape(fault.name), " becomes ", fault.became.empty() ? "nothing" : escape(fault.became),
          " and comes back as ", fault.returned.empty() ? "nothing" : escape(fault.returned)));
    }
    if (!trip.holds()) return ExitStatus::kRules;
  }
  console.write(print_rule_file(inversion.rules));
  return ExitStatus::kDone;
}

}  // namespace

Action add_map(CLI::App& app) {
  app.require_subcommand(1);
  auto o = std::make_shared<MapOptions>();
  const auto add = [&](const char* name, const char* what, bool needs_file) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->add_option("MAP", o->map, "a map file of rules")->required();
    auto* file = sub->add_option("FILE", o->file, "a checkpoint to try the rules on");
    if (needs_file) file->required();
    return sub;
  };
  const CLI::App* checked =
      add("check", "faults of the rules, and with FILE all problems of the plan", false);
  const CLI::App* explained =
      add("explain", "which rule decides each name, and which it shadows", true);
  add("invert", "print the map of the way back; with FILE, prove it on the real names", false);
  app.footer(help_footer("64 MiB and 200 bytes a variable.",
                         "  ckpt map check map.json model.h5\n"
                         "  ckpt map invert map.json model.h5 > back.json\n"));
  return [o, checked, explained](Console& console) {
    if (checked->parsed()) return check(*o, console);
    if (explained->parsed()) return explain_names(*o, console);
    return invert_rules(*o, console);
  };
}

}  // namespace ckpt
