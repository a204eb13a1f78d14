#pragma once

#include <CLI/CLI.hpp>

#include "verify/engines.h"

namespace ckpt {

// Adds --engine and --threads, which fill `engines`.
void add_engine_options(CLI::App& app, Engines& engines);

// A forward pass by the engine that was asked for; where both were, the reference's, and how the
// fast one's differs from it. Throws what run() throws.
struct EngineRun {
  RunResult result;
  Engine engine = Engine::kReference;
  std::optional<EngineComparison> engines;
};
EngineRun run_by(const Engines& engines, const Graph& graph, const Reader& reader,
                 const std::vector<Tensor>& inputs, bool layers);

}  // namespace ckpt
