#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "crash_guard.h"
#include "engine_options.h"
#include "graph_input.h"
#include "output_file.h"
#include "report/run_report.h"
#include "tensor_file.h"

namespace ckpt {
namespace {

struct RunRequest {
  std::string file;
  GraphChoice graph;
  std::string inputs;
  std::string output;
  std::string labels;
  Engines engines;
  bool layers = false;
  bool overwrite = false;
  bool json = false;
};

ExitStatus run_run(const RunRequest& options, Console& console) {
  const auto reader = open_input(options.file, false, console);
  const GraphInput graph = need_graph(*reader, options.file, options.graph, console);
  const std::vector<Tensor> inputs = read_inputs({options.inputs}, graph.graph, console);
  RunReport report;
  report.input = options.file;
  report.graph = graph.words;
  EngineRun pass;
  try {
    const CrashGuard guard(options.file);
    pass = run_by(options.engines, graph.graph, *reader, inputs, options.layers);
  } catch (const Error& e) {
    throw e.in(escape(options.file));
  }
  RunResult& result = pass.result;
  report.engine = pass.engine;
  report.references = result.references;
  report.engines = pass.engines;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    report.inputs.emplace_back(graph.graph.inputs[i].name, inputs[i]);
  }
  for (const auto& [name, tensor] : result.outputs) report.outputs.emplace_back(name, tensor);
  report.layers = result.layers.size();
  if (!options.labels.empty()) {
    const auto labels = read_tensors(options.labels, console);
    if (labels.size() != 1) {
      throw Error(Errc::kInvalid, cat(escape(options.labels), ": has ",
                                      count_of(labels.size(), "tensor"), "; labels are one"));
    }
    try {
      report.accuracy = accuracy_of(result.outputs.front().tensor, labels.front().tensor);
    } catch (const Error& e) {
      throw e.in(escape(options.labels));
    }
  }
  if (!options.output.empty()) {
    std::vector<NamedTensor> tensors = std::move(result.outputs);
    std::ranges::move(result.layers, std::back_inserter(tensors));
    write_tensors(options.output, tensors, overwrite_if(options.overwrite));
    report.written = options.output;
    console.set_written(options.output);
  }
  const Output out = console.output();
  if (options.json) {
    JsonStream json(out);
    write_run(report, kTool, json);
  } else {
    print_run(report, out);
  }
  return pass.engines && !pass.engines->agree ? ExitStatus::kNo : ExitStatus::kDone;
}

}  // namespace

Action add_run(CLI::App& app) {
  auto o = std::make_shared<RunRequest>();
  app.add_option("FILE", o->file, "a checkpoint")->required();
  app.add_option("--inputs", o->inputs,
                 "the input tensors, by the graph's names or as input_0, input_1, …")
      ->type_name("NPZ")
      ->required();
  auto* output = app.add_option("-o,--output", o->output, "write the outputs, as output_0, …")
                     ->type_name("NPZ");
  app.add_flag("--layers", o->layers, "write every layer's outputs too, as LAYER#call#output")
      ->needs(output);
  add_graph_options(app, o->graph,
                    "the network: a graph file, a Keras config (JSON) or a whole model; default: "
                    "FILE's own");
  app.add_option("--labels", o->labels,
                 "one integer a row: print how many of output_0's rows are largest there")
      ->type_name("NPZ");
  add_engine_options(app, o->engines);
  app.add_flag("--overwrite", o->overwrite, "replace the output where it exists")->needs(output);
  app.add_flag("--json", o->json, "one JSON object, schema ckpt/run/1");
  app.footer(
      help_footer("activations and one layer's variables, as 64-bit floats;\nby the fast engine "
                  "all variables and the activations, as 32-bit floats.",
                  "  ckpt run model.h5 --inputs x.npz -o y.npz\n"
                  "  ckpt run model.weights.h5 --graph config.json --inputs x.npz -o y.npz "
                  "--layers\n"));
  return [o](Console& console) { return run_run(*o, console); };
}

}  // namespace ckpt
