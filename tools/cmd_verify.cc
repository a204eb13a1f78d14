#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "correspondence.h"
#include "crash_guard.h"
#include "engine_options.h"
#include "graph_input.h"
#include "output_file.h"
#include "report/verify_report.h"
#include "tensor_file.h"
#include "verify/verify.h"

namespace ckpt {
namespace {

struct VerifyOptions {
  std::string file;
  std::string against;
  std::string golden;
  std::string record;
  std::string map;
  bool no_receipt = false;
  GraphChoice graph;
  std::string graph_new;
  std::vector<std::string> inputs;
  std::string labels;
  std::uint64_t seed = 1;
  std::optional<double> rtol;
  std::optional<double> atol;
  Engines engines;
  bool layers = false;
  bool require_forward = false;
  bool influence = false;
  bool overwrite = false;
  bool json = false;
  std::string junit;
  std::string color = "auto";
};

// A checkpoint's network, as far as it has one.
struct Loaded {
  std::optional<GraphInput> input;
  std::string fault;  // why its own cannot be run: a layer that is not supported

  [[nodiscard]] std::optional<Network> network() const {
    if (!input) return std::nullopt;
    return Network{&input->graph, input->words};
  }
};

// A graph that was asked for must be read; a file's own need not be one that is known here.
Loaded load_network(const Reader& reader, const std::string& path, const GraphChoice& graph,
                    Console& console) {
  Loaded loaded;
  try {
    loaded.input = find_graph(reader, path, graph, console);
  } catch (const Error& e) {
    if (!graph.file.empty() || e.code() != Errc::kUnsupported) throw;
    loaded.fault = e.what();
  }
  return loaded;
}

std::optional<Tensor> read_labels(const std::string& path, Console& console) {
  if (path.empty()) return std::nullopt;
  auto tensors = read_tensors(path, console);
  if (tensors.size() == 1) return std::move(tensors.front().tensor);
  throw Error(Errc::kInvalid,
              cat(escape(path), ": has ", count_of(tensors.size(), "tensor"), "; labels are one"));
}

Probe probe_of(const VerifyOptions& options, const Graph& graph, Console& console) {
  if (options.inputs.empty()) return make_probe(graph, options.seed);
  std::vector<std::string> words;
  for (const std::string& path : options.inputs) words.push_back(escape(path));
  return {join(words, ", "), read_inputs(options.inputs, graph, console)};
}

ExitStatus report_on(const VerifyOptions& options, VerifyReport report, Console& console) {
  if (!options.junit.empty()) {
    write_output(options.junit, overwrite_if(options.overwrite),
                 [&](const auto& out) { write_verification_junit(report, kTool, out); });
    console.set_written(options.junit);
  }
  const Output out = console.output();
  if (options.json) {
    JsonStream json(out);
    write_verification(report, kTool, json);
  } else {
    print_verification(report, console.style(options.color), out);
  }
  const bool is_same = report.result == nullptr || report.result->verdict == Verdict::kSame;
  return is_same ? ExitStatus::kDone : ExitStatus::kNo;
}

// NEW's graph, where one is given. Parameters that are set are of both.
GraphChoice new_graph_of(const VerifyOptions& options) {
  return {options.graph_new,
          options.graph_new.empty() ? std::vector<std::string>{} : options.graph.settings};
}

// The graph of NEW where there is no OLD: either option names it.
GraphChoice only_graph(const VerifyOptions& options) {
  return options.graph_new.empty() ? options.graph : new_graph_of(options);
}

ExitStatus run_record(const VerifyOptions& options, Console& console) {
  const auto reader = open_input(options.file, false, console);
  const GraphInput graph = need_graph(*reader, options.file, only_graph(options), console);
  const Probe probe = probe_of(options, graph.graph, console);
  EngineRun pass = run_by(options.engines, graph.graph, *reader, probe.inputs, options.layers);
  if (pass.engines && !pass.engines->agree) {
    console.complain(
        cat("nothing is recorded: the engines disagree; ", join(describe(*pass.engines), "; ")));
    return ExitStatus::kNo;
  }
  RunResult& result = pass.result;
  std::vector<NamedTensor> tensors;
  for (std::size_t i = 0; i < probe.inputs.size(); ++i) {
    tensors.push_back({cat("input_", i), probe.inputs[i]});
  }
  std::ranges::move(result.outputs, std::back_inserter(tensors));
  std::ranges::move(result.layers, std::back_inserter(tensors));
  write_tensors(options.record, tensors, overwrite_if(options.overwrite));
  console.set_written(options.record);
  return report_on(
      options,
      {.found = options.file, .old = "", .golden = "", .names = "", .recorded = options.record},
      console);
}

void fill_common(const VerifyOptions& options, VerifyRequest& request, Console& console) {
  request.seed = options.seed;
  request.engines = options.engines;
  request.labels = read_labels(options.labels, console);
  request.rtol = options.rtol;
  request.atol = options.atol;
  request.require_forward = options.require_forward;
  request.test_influence = options.influence;
}

// The record's inputs, those that are not given by --inputs, and the rest of it.
void take_golden(const VerifyOptions& options, const Graph& graph, VerifyRequest& request,
                 Console& console) {
  std::vector<NamedTensor> inputs;
  for (NamedTensor& tensor : read_tensors(options.golden, console)) {
    bool is_input = false;
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      is_input = is_input || tensor.name == cat("input_", i) || tensor.name == graph.inputs[i].name;
    }
    (is_input ? inputs : request.golden).push_back(std::move(tensor));
  }
  if (!options.inputs.empty()) {
    request.probe = probe_of(options, graph, console);
  } else if (inputs.empty()) {
    throw Error(Errc::kInvalid, cat(escape(options.golden),
                                    ": has no inputs (input_0, …); --inputs NPZ gives those that "
                                    "its outputs belong to"));
  } else {
    try {
      request.probe = Probe{cat("those of ", escape(options.golden)), match_inputs(graph, inputs)};
    } catch (const Error& e) {
      throw e.in(escape(options.golden));
    }
  }
}

ExitStatus run_golden(const VerifyOptions& options, Console& console) {
  const auto reader = open_input(options.file, false, console);
  const GraphInput graph = need_graph(*reader, options.file, only_graph(options), console);
  VerifyRequest request;
  request.found = reader.get();
  request.new_network = Network{&graph.graph, graph.words};
  fill_common(options, request, console);
  take_golden(options, graph.graph, request, console);
  try {
    const CrashGuard guard(options.file);
    const Verification result = verify(request);
    return report_on(options,
                     {.found = options.file,
                      .old = "",
                      .golden = options.golden,
                      .names = "",
                      .recorded = "",
                      .result = &result},
                     console);
  } catch (const Error& e) {
    throw e.in(escape(options.file));
  }
}

ExitStatus run_against(const VerifyOptions& options, Console& console) {
  const auto old = open_input(options.against, false, console);
  const auto found = open_input(options.file, false, console);
  Correspondence names =
      correspond(*old, *found, options.file, options.map, !options.no_receipt, console);
  const Loaded old_graph = load_network(*old, options.against, options.graph, console);
  const Loaded new_graph = load_network(*found, options.file, new_graph_of(options), console);
  if (old_graph.input && !old_graph.input->misfit.empty()) {
    throw Error(Errc::kNotFound, cat(escape(options.against), ": does not fit ",
                                     old_graph.input->words, ": ", old_graph.input->misfit));
  }
  const bool has_both = old_graph.input && new_graph.input && new_graph.input->misfit.empty();
  if (has_both && names.expected == old.get()) {
    auto parts = correspond_by_parts(*old, old_graph.input->graph, *found, new_graph.input->graph);
    if (parts) names = std::move(*parts);
  }
  VerifyRequest request;
  request.found = found.get();
  request.old = old.get();
  request.expected = names.expected;
  request.returned = names.returned;
  request.origins = names.origins;
  request.old_network = old_graph.network();
  request.new_network = new_graph.network();
  if (new_graph.input && !new_graph.input->misfit.empty()) {
    request.misfit =
        cat("NEW does not fit ", new_graph.input->words, ": ", new_graph.input->misfit);
  }
  request.no_network = !old_graph.fault.empty()   ? old_graph.fault
                       : !new_graph.fault.empty() ? new_graph.fault
                                                  : "no graph is known; --graph G gives one, a "
                                                    "graph file or a Keras config";
  fill_common(options, request, console);
  const auto& network = request.old_network ? request.old_network : request.new_network;
  if (!options.inputs.empty() && network) {
    request.probe = probe_of(options, *network->graph, console);
  }
  const CrashGuard guard(options.file);
  const Verification result = verify(request);
  return report_on(options,
                   {.found = options.file,
                    .old = options.against,
                    .golden = "",
                    .names = names.words,
                    .recorded = "",
                    .result = &result},
                   console);
}

}  // namespace

Action add_verify(CLI::App& app) {
  auto o = std::make_shared<VerifyOptions>();
  app.add_option("NEW", o->file, "the checkpoint to be proven")->required();
  auto* against =
      app.add_option("--against", o->against, "the checkpoint that it should be")->type_name("OLD");
  auto* golden = app.add_option("--golden", o->golden,
                                "a record of outputs, as --record or another program wrote it")
                     ->type_name("NPZ");
  auto* record =
      app.add_option("--record", o->record, "write inputs and NEW's outputs, for --golden")
          ->type_name("NPZ");
  against->excludes(golden)->excludes(record);
  golden->excludes(record);
  app.add_option("--map", o->map,
                 "how OLD's names became NEW's: a map file or a receipt; default: the receipt "
                 "beside NEW, else equal names")
      ->type_name("MAP")
      ->needs(against);
  app.add_flag("--no-receipt", o->no_receipt, "compare equal names even where there is a receipt")
      ->needs(against);
  add_graph_options(app, o->graph,
                    "OLD's network: a graph file, a Keras config (JSON) or a whole model; default: "
                    "OLD's own");
  app.add_option("--graph-new", o->graph_new,
                 "NEW's network, as the code that will load it has it; default: NEW's own, else "
                 "OLD's with the names mapped")
      ->type_name("G");
  app.add_option("--inputs", o->inputs,
                 "what the networks are run on, repeatable: the rows of all; default: made from "
                 "--seed")
      ->type_name("NPZ")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  app.add_option("--seed", o->seed, "of the inputs that are made (default 1)")->type_name("N");
  app.add_option("--labels", o->labels,
                 "one integer a row: print how many of output_0's rows are largest there")
      ->type_name("NPZ");
  app.add_option("--rtol", o->rtol, "how far outputs may differ, of the largest value of each")
      ->check(CLI::NonNegativeNumber)
      ->type_name("X");
  app.add_option("--atol", o->atol, "how far outputs may differ, absolutely, beside --rtol")
      ->check(CLI::NonNegativeNumber)
      ->type_name("X");
  add_engine_options(app, o->engines);
  app.add_flag("--layers", o->layers, "with --record: every layer's outputs, too")->needs(record);
  app.add_flag("--require-forward", o->require_forward,
               "a comparison without forward pass is not enough: status 1");
  app.add_flag("--influence", o->influence,
               "test each variable's influence on the outputs, however long it takes");
  app.add_flag("--overwrite", o->overwrite, "replace the record or OUT where it exists");
  app.add_flag("--json", o->json, "one JSON object, schema ckpt/verify/1");
  app.add_option("--junit", o->junit, "write JUnit XML, too")->type_name("OUT")->excludes(record);
  app.add_option("--color", o->color, "auto (default), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.footer(help_footer(
      "2 MiB to compare bytes; for the forward pass activations and one layer's\n"
      "variables, as 64-bit floats (by the fast engine all variables and the\n"
      "activations, as 32-bit floats); for a diagnosis the variables that differ.",
      "  ckpt verify new.h5 --against old.h5\n"
      "  ckpt verify new.h5 --against old.h5 --graph-new new_code.json --inputs x.npz\n"
      "  ckpt verify model.h5 --record golden.npz && ckpt verify model.h5 --golden golden.npz\n"));
  return [o](Console& console) {
    if (!o->record.empty()) return run_record(*o, console);
    if (!o->golden.empty()) return run_golden(*o, console);
    if (!o->against.empty()) return run_against(*o, console);
    throw Error(Errc::kInvalid,
                "what should NEW be? --against OLD compares two checkpoints, --golden NPZ a "
                "checkpoint with recorded outputs, --record NPZ records them");
  };
}

}  // namespace ckpt
