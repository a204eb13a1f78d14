#include <CLI/CLI.hpp>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "formats/formats.h"
#include "interrupt.h"
#include "output_file.h"
#include "progress.h"
#include "remap/carried_metadata.h"
#include "remap/conversion.h"
#include "report/conversion_report.h"
#include "rules_input.h"

namespace ckpt {
namespace {

struct ConvertOptions {
  std::string input;
  std::string output;
  std::string to;
  RulesInput rules;
  PlanOptions plan;
  std::vector<std::string> casts;
  std::uint64_t max_shard_bytes = 0;
  std::string rest = "keep";
  bool tensors_only = false;
  bool keep_separators = false;
  bool overwrite = false;
  bool dry_run = false;
  bool json = false;
};

std::vector<std::string> written_formats() {
  std::vector<std::string> ids;
  for (const Format* format : formats()) {
    if (format->create != nullptr) ids.emplace_back(format->id);
  }
  return ids;
}

const Format& target_of(const ConvertOptions& options) {
  const Format* format =
      options.to.empty() ? format_for_name(options.output) : find_format(options.to);
  if (format != nullptr && format->create != nullptr) return *format;
  const std::vector<std::string> ids = written_formats();
  if (options.to.empty()) {
    throw Error(Errc::kInvalid, cat(escape(options.output),
                                    ": the name does not tell what kind of file is meant; --to "
                                    "tells it: ",
                                    join(ids, ", ")));
  }
  throw Error(Errc::kInvalid,
              cat("--to ", escape(options.to), ": ",
                  format == nullptr ? "there is no such format" : "is read, but not written",
                  did_you_mean(nearest(options.to, ids, 1)), "; there are ", join(ids, ", ")));
}

DType dtype_named(std::string_view word, const std::string& option) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (is_numeric(dtype) && name_of(dtype) == word) return dtype;
  }
  throw Error(Errc::kInvalid, cat("--cast ", escape(option), ": '", escape(word),
                                  "' is no type; FROM=TO is needed, as bf16=f32"));
}

std::vector<TypeCast> casts_of(const ConvertOptions& options) {
  std::vector<TypeCast> casts;
  for (const std::string& option : options.casts) {
    const auto equals = option.find('=');
    const auto to = equals == std::string::npos ? std::string() : option.substr(equals + 1);
    casts.push_back({dtype_named(option.substr(0, equals), option), dtype_named(to, option)});
  }
  return casts;
}

ExitStatus run_convert(const ConvertOptions& options, Console& console) {
  const Format& format = target_of(options);
  if (options.max_shard_bytes > 0 && format.id != "safetensors-index") {
    throw Error(Errc::kInvalid, cat("--max-shard-size makes a set of files, which is called "
                                    "NAME.safetensors.index.json; ",
                                    escape(options.output), " would be one file"));
  }
  const std::vector<TypeCast> casts = casts_of(options);
  const auto reader = open_input(options.input, false, console);
  const Index& index = reader->index();
  std::vector<std::string> names;
  for (const Entry& entry : index.entries) names.push_back(entry.name);
  Rules rules = read_rules(options.rules, index.separator, names);
  rules.separator = index.separator;
  PlanOptions plan_options = options.plan;
  plan_options.target = limits_of(format);
  const Plan plan = make_plan(index.entries, rules, plan_options);
  for (const std::string& note : plan.notes) console.complain(cat("note: ", note));
  for (const Problem& problem : plan.problems) {
    console.complain(cat(escape(options.input), ": ", problem.message));
  }
  if (!plan.problems.empty()) return ExitStatus::kRules;

  const Conversion conversion =
      make_conversion(plan, index,
                      {.separator = options.keep_separators ? index.separator : format.separator,
                       .casts = casts,
                       .tensors_only = options.tensors_only});
  for (const std::string& note : conversion.notes) console.complain(cat("note: ", note));
  const CarriedMetadata metadata = carry_metadata(reader->metadata(), reader->other_metadata(),
                                                  format.holds_metadata, has_changes(plan));
  for (const std::string& note : metadata.notes) console.complain(cat("note: ", note));
  for (const std::string& problem : conversion.problems) {
    console.complain(cat(escape(options.input), ": ", problem));
  }
  const ConversionReport report{options.input, options.output, std::string(format.name),
                                options.dry_run};
  if (conversion.problems.empty() && !options.dry_run) {
    std::vector<VariableSpec> specs;
    for (const auto& variable : conversion.variables) specs.push_back(variable.target);
    std::unique_ptr<Writer> writer;
    try {
      const InterruptWords words;
      writer = create_checkpoint(
          options.output, std::move(specs),
          {overwrite_if(options.overwrite), options.max_shard_bytes, metadata.carried}, format.id);
    } catch (const Error& e) {
      // A target that cannot hold it is a matter of the types or names.
      if (e.code() != Errc::kInvalid) throw;
      throw Error(Errc::kConflict, cat(e.what(), "; --cast FROM=TO changes types, a rule names"));
    }
    ProgressBar bar(cat(escape(options.output), ": writing"));
    try {
      carry_out(conversion, *reader, *writer,
                [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
    } catch (const Error& e) {
      const bool is_of_target = e.code() == Errc::kWrite || e.code() == Errc::kUnfinished;
      throw e.in(escape(is_of_target ? options.output : options.input));
    }
    console.set_written(options.output);
  }
  const Output out = console.output();
  if (options.json) {
    JsonStream json(out);
    write_conversion(conversion, report, kTool, json);
  } else if (conversion.problems.empty()) {
    print_conversion(conversion, report, out);
  }
  return conversion.problems.empty() ? ExitStatus::kDone : ExitStatus::kRules;
}

}  // namespace

Action add_convert(CLI::App& app) {
  auto o = std::make_shared<ConvertOptions>();
  app.add_option("IN", o->input, "a checkpoint of any kind")->required();
  app.add_option("OUT", o->output, "the new one; its name tells the kind, or --to")->required();
  app.add_option("--to", o->to, cat("the kind to write: ", join(written_formats(), ", ")))
      ->type_name("FORMAT");
  app.add_option("-r,--rule", o->rules.texts, "a rule, 'SOURCE = TARGET'; repeatable")
      ->type_name("RULE")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("-m,--map", o->rules.map_file, "a map file of rules (JSON)")->type_name("MAP");
  app.add_option("--cast", o->casts, "write one type as another, as bf16=f32; repeatable")
      ->type_name("FROM=TO")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--rest", o->rest, "names that no rule claims: keep (default), drop, error")
      ->check(CLI::IsMember({"keep", "drop", "error"}))
      ->type_name("WHAT");
  app.add_flag("!--no-companions", o->plan.companions,
               "leave slots and averages where they are when their variable moves");
  app.add_flag("--tensors-only", o->tensors_only, "leave out what is no tensor, and say what");
  app.add_flag("--keep-separators", o->keep_separators,
               "names as they are; else '/' becomes '.' or the other way, as OUT has it");
  app.add_option("--max-shard-size", o->max_shard_bytes,
                 "of a set of safetensors files (NAME.safetensors.index.json), each: 5GB, 500MB")
      ->transform(CLI::AsSizeValue(true))
      ->type_name("SIZE");
  app.add_flag("-n,--dry-run", o->dry_run, "print what would be written and stop");
  app.add_flag("--overwrite", o->overwrite, "replace OUT where it exists");
  app.add_flag("--json", o->json, "one JSON object, schema ckpt/convert/1");
  app.footer(
      help_footer("64 MiB and 500 bytes a variable; tensors are streamed.",
                  "  ckpt convert model.ckpt-1000 model.safetensors\n"
                  "  ckpt convert model.pt model.h5 -r 'state_dict. = .'\n"
                  "  ckpt convert big.h5 big.safetensors.index.json --max-shard-size 5GB\n"));
  return [o](Console& console) {
    o->plan.rest = o->rest == "keep" ? Rest::kKeep : o->rest == "drop" ? Rest::kDrop : Rest::kError;
    return run_convert(*o, console);
  };
}

}  // namespace ckpt
