#include <CLI/CLI.hpp>
#include <algorithm>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/formats.h"
#include "graph_input.h"
#include "model/initial_checkpoint.h"
#include "output_file.h"
#include "progress.h"

namespace ckpt {
namespace {

struct InitOptions {
  GraphChoice graph;
  std::string output;
  std::string to;
  std::uint64_t seed = 0;
  bool overwrite = false;
};

// The kind of file that is asked for, or that the name tells, or HDF5.
const Format& target_of(const InitOptions& options) {
  const Format* format =
      options.to.empty() ? format_for_name(options.output) : find_format(options.to);
  if (format == nullptr && options.to.empty()) format = find_format("hdf5");
  if (format != nullptr && format->create != nullptr) return *format;
  throw Error(Errc::kInvalid,
              cat(options.to.empty() ? escape(options.output) : cat("--to ", escape(options.to)),
                  ": is no kind of file that is written; `ckpt formats` lists them"));
}

// Positions of the graph's variables in the order of their names, as a saver writes them.
std::vector<std::size_t> saved_order(const Graph& graph) {
  std::vector<std::size_t> order(graph.variables.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) { return graph.variables[i].name; });
  return order;
}

ExitStatus run_init(const InitOptions& options, Console& console) {
  const Format& format = target_of(options);
  const Graph graph = read_graph(options.graph, nullptr, console);
  const auto reader = open_initial(graph, options.seed);
  const std::vector<std::size_t> order = saved_order(graph);
  std::vector<VariableSpec> specs;
  std::uint64_t total = 0;
  std::uint64_t parameters = 0;
  for (const std::size_t i : order) {
    const Entry& entry = reader->index().entries[i];
    specs.push_back({.name = entry.name,
                     .dtype = entry.dtype,
                     .shape = entry.shape,
                     .trainable = graph.variables[i].hints.trainable});
    total += entry.nbytes;
    parameters += parameters_of(entry);
  }
  if (specs.empty()) {
    throw Error(Errc::kInvalid,
                cat(escape(options.graph.file), ": makes no variables; there is nothing to write"));
  }
  const std::unique_ptr<Writer> writer = create_checkpoint(
      options.output, std::move(specs), {overwrite_if(options.overwrite), 0}, format.id);
  ProgressBar bar(cat(escape(options.output), ": writing"));
  std::uint64_t done = 0;
  for (std::size_t at = 0; at < order.size(); ++at) {
    try {
      for_each_piece(*reader, order[at], [&](std::uint64_t, ByteView piece) {
        writer->write(at, piece);
        bar.show(done += piece.size(), total);
      });
    } catch (const Error& e) {
      if (e.code() == Errc::kWrite) throw;
      throw e.in(escape(options.graph.file));
    }
  }
  writer->commit();
  console.set_written(options.output);
  console.write(cat(escape(options.output), ": ", count_of(order.size(), "variable"), ", ",
                    count_of(parameters, "parameter"), ", of ", escape(options.graph.file), " (",
                    graph.source, "), seed ", options.seed, "\n"));
  return ExitStatus::kDone;
}

}  // namespace

Action add_init(CLI::App& app) {
  auto o = std::make_shared<InitOptions>();
  app.add_option("OUT", o->output, "the new checkpoint; its name tells the kind, or --to")
      ->required();
  add_graph_options(app, o->graph, "the network: a graph file, a Keras config or a whole model")
      ->required();
  app.add_option("--seed", o->seed, "of the random values (default 0)")->type_name("N");
  app.add_option("--to", o->to, "the kind to write, by `ckpt formats`; default: hdf5")
      ->type_name("FORMAT");
  app.add_flag("--overwrite", o->overwrite, "replace OUT where it exists");
  app.footer(help_footer("64 MiB and one variable.",
                         "  ckpt init --graph bert.json bert.h5\n"
                         "  ckpt init --graph bert.json --set layers=2 --seed 7 small.h5\n"));
  return [o](Console& console) { return run_init(*o, console); };
}

}  // namespace ckpt
