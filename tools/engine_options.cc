#include "engine_options.h"

#include <map>

namespace ckpt {

void add_engine_options(CLI::App& app, Engines& engines) {
  static const std::map<std::string, EngineChoice> kChoices = {
      {"auto", EngineChoice::kAuto},
      {"reference", EngineChoice::kReference},
      {"fast", EngineChoice::kFast},
      {"both", EngineChoice::kBoth},
  };
  app.add_option_function<std::string>(
         "--engine", [&engines](const std::string& word) { engines.choice = kChoices.at(word); },
         "who computes: reference (sums in double precision), fast (in float, by vectors), both "
         "(the reference; the fast one must agree with it), auto (default: the reference where "
         "that takes less than about a second, else fast)")
      ->check(CLI::IsMember({"auto", "reference", "fast", "both"}))
      ->type_name("WHO");
  app.add_option("--threads", engines.threads,
                 "of the fast engine (default 1); its results are the same with any number")
      ->check(CLI::Range(1, 256))
      ->type_name("N");
}

EngineRun run_by(const Engines& engines, const Graph& graph, const Reader& reader,
                 const std::vector<Tensor>& inputs, bool layers) {
  RunOptions options = engine_for(engines, graph, inputs);
  options.layers = layers;
  EngineRun out{run(graph, reader, inputs, options), options.engine, {}};
  if (engines.choice == EngineChoice::kBoth) {
    out.engines = compare_engines(engines, graph, reader, inputs, out.result.outputs);
  }
  return out;
}

}  // namespace ckpt
