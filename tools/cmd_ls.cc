#include <CLI/CLI.hpp>
#include <algorithm>

#include "checkpoint/listing.h"
#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "graph_input.h"
#include "heap.h"
#include "model/initial_checkpoint.h"
#include "report/listing_json.h"
#include "report/listing_text.h"

namespace ckpt {
namespace {

struct LsOptions {
  std::vector<std::string> files;
  GraphChoice graph;
  ListingRequest request;
  int depth = 0;
  std::string sort = "file";
  bool flat = false;
  bool details = false;
  bool json = false;
  bool json_lines = false;
  bool tsv = false;
  bool paths = false;
  bool salvage = false;
  std::string color = "auto";
};

// Lists one checkpoint.
bool list(const LsOptions& options, const Reader& reader, const Target& target, bool first,
          Console& console) {
  ListingRequest request = options.request;
  request.scope = target.scope;
  Listing listing;
  try {
    listing = make_listing(reader.index(), request);
  } catch (const Error& e) {
    // A scope that is not there is a slip of the command line, not a fault of the file.
    throw Error(Errc::kInvalid, e.what()).in(escape(target.path));
  }
  const Output out = console.output();
  try {
    if (options.json) {
      JsonStream json(out);
      write_listing(reader, listing, target.path, kTool, options.details, json);
    } else if (options.json_lines) {
      write_listing_lines(reader, listing, target.path, options.details, out);
    } else if (options.tsv) {
      if (first) print_listing_tsv_header(out);
      print_listing_tsv(reader, listing, target.path, out);
    } else {
      const ListingText how{.style = console.style(options.color),
                            .flat = options.flat,
                            .details = options.details,
                            .show_path = true};
      if (!first) console.write("\n");
      print_listing(reader, listing, request, target.path, how, out);
    }
  } catch (const Error& e) {
    throw e.in(escape(target.path));
  }
  return !listing.entries.empty() || request.globs.empty();
}

// The graph's own variables where there is no file; of each file, whether it has them.
ExitStatus run_graph(const LsOptions& options, Console& console) {
  if (options.files.empty()) {
    const Graph graph = read_graph(options.graph, nullptr, console);
    list(options, *open_initial(graph), {options.graph.file, ""}, true, console);
    return ExitStatus::kDone;
  }
  bool fits = true;
  for (const std::string& file : options.files) {
    const Target target = parse_target(file);
    const auto reader = open_input(target.path, options.paths, console, options.salvage);
    const Graph graph = read_graph(options.graph, &reader->index(), console);
    list(options, *reader, target, &file == &options.files.front(), console);
    for (const std::string& misfit : misfits_of(graph, *reader)) {
      console.complain(cat(escape(target.path), ": ", misfit));
      fits = false;
    }
  }
  return fits ? ExitStatus::kDone : ExitStatus::kNo;
}

ExitStatus run_ls(const LsOptions& options, Console& console) {
  if (!options.graph.file.empty()) return run_graph(options, console);
  ExitStatus worst = ExitStatus::kDone;
  bool found = false;
  bool first = true;
  for (const std::string& file : options.files) {
    try {
      // Nothing is printed unless the whole file could be opened.
      const Target target = parse_target(file);
      auto reader = open_input(target.path, options.paths, console, options.salvage);
      found |= list(options, *reader, target, first, console);
      first = false;
      if (&file == &options.files.back()) leave_to_the_system(std::move(reader));
    } catch (const Error& e) {
      console.complain(e.what());
      worst = std::max(worst, exit_status_of(e.code()));
    }
  }
  if (worst != ExitStatus::kDone) return worst;
  if (!found) {
    console.complain(cat("no variable matches ", escape(join(options.request.globs, ", ")),
                         " (* stays inside a scope, ** crosses scopes)"));
  }
  return found ? ExitStatus::kDone : ExitStatus::kNo;
}

}  // namespace

Action add_ls(CLI::App& app) {
  auto o = std::make_shared<LsOptions>();
  app.add_option("FILE", o->files, "checkpoints; FILE:SCOPE lists one scope of a file");
  add_graph_options(app, o->graph,
                    "list the variables that a graph file or Keras config makes; with FILE, say "
                    "where it has others");
  app.add_flag("--flat", o->flat, "one line a variable with its whole name, instead of the tree");
  app.add_option("--depth", o->depth, "show scopes down to this level only, with their sums")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000));
  app.add_option(
         "--glob", o->request.globs,
         "only variables that match: * inside a scope, ** across scopes, ?, [a-z]; repeatable")
      ->type_name("PATTERN")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  app.add_option("--sort", o->sort, "order: file (default), name (as people count), size")
      ->check(CLI::IsMember({"file", "name", "size"}))
      ->type_name("KEY");
  app.add_flag("--slots", o->request.slots, "show optimizer slots, not their sum alone");
  app.add_flag("--collapse", o->request.collapse, "join runs of like scopes: layer_{0..11}");
  app.add_flag("-l,--long", o->details, "add place, storage, compression and attributes");
  app.add_flag("--salvage", o->salvage, "of a damaged file, list what is whole (see ckpt doctor)");
  app.add_flag("--paths", o->paths, "call variables by their place in the file");
  auto* json = app.add_flag("--json", o->json, "one JSON object a file, schema ckpt/ls/1");
  auto* lines = app.add_flag("--jsonl", o->json_lines, "one JSON object a variable");
  auto* tsv = app.add_flag("--tsv", o->tsv, "tab-separated values with a header line");
  json->excludes(lines)->excludes(tsv);
  lines->excludes(tsv);
  app.add_option("--color", o->color, "auto (default), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.footer(help_footer("64 MiB and 200 bytes a variable, whatever the tensors' size.",
                         "  ckpt ls model.h5                      the tree of scopes\n"
                         "  ckpt ls --collapse --slots model.h5:encoder\n"
                         "  ckpt ls --flat --glob '**/kernel' --sort size model.h5\n"
                         "  ckpt ls --json model.h5 | jq '.totals.parameters'\n"
                         "  ckpt ls --graph bert.json --set layers=2\n"));
  return [o, &app](Console& console) {
    using Sort = ListingRequest::Sort;
    if (o->files.empty() && o->graph.file.empty()) {
      throw Error(Errc::kInvalid, "FILE is required, or --graph G; see `ckpt ls --help`");
    }
    if (app.count("--depth") > 0) o->request.depth = o->depth;
    o->request.sort = o->sort == "name"   ? Sort::kName
                      : o->sort == "size" ? Sort::kSize
                                          : Sort::kFile;
    return run_ls(*o, console);
  };
}

}  // namespace ckpt
