#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/reader.h"
#include "model/forward.h"
#include "verify/verification.h"

namespace ckpt {

// Who is asked to compute.
enum class EngineChoice : std::uint8_t {
  kAuto,  // the reference where that takes less than a second, more or less; else the fast engine
  kReference,
  kFast,
  kBoth,  // the reference, and the fast engine beside it, to be compared with it
};

struct Engines {
  EngineChoice choice = EngineChoice::kAuto;
  std::size_t threads = 1;  // of the fast engine
};

// The engine whose results count for these inputs. The same for the same network and inputs, so
// that two checkpoints are compared by one engine. Throws as with_inputs() does.
RunOptions engine_for(const Engines& engines, const Graph& graph,
                      const std::vector<Tensor>& inputs);

// Runs the fast engine and compares its outputs with the reference's; allowed is what rounding
// does to sums in float. Throws as run() does.
EngineComparison compare_engines(const Engines& engines, const Graph& graph, const Reader& reader,
                                 const std::vector<Tensor>& inputs,
                                 const std::vector<NamedTensor>& reference);

}  // namespace ckpt
