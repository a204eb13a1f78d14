#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/forward.h"
#include "verify/accuracy.h"
#include "verify/diagnosis.h"
#include "verify/tensor_difference.h"
#include "verify/tolerance.h"
#include "verify/variable_check.h"

namespace ckpt {

enum class Verdict : std::uint8_t { kSame, kDifferent, kNotComparable };

// An output, or what a layer gave, of both networks.
struct OutputCheck {
  std::string name;
  Shape shape;
  TensorDifference difference;
  double allowed = 0;  // largest absolute difference that the tolerance allows
  Agreement agreement = Agreement::kIdentical;
  std::string what;  // where there is nothing to subtract: another shape or type, in words
};

// What the two engines gave for one network on the same inputs.
struct EngineComparison {
  bool agree = true;                    // within the tolerance
  OutputCheck worst;                    // the output in which they differ most
  Tolerance tolerance;                  // what rounding may do
  std::vector<std::string> references;  // see RunResult::references
};

// What the forward pass of both networks on the same inputs showed.
struct ForwardCheck {
  std::string old_graph;  // whose it is, in words
  std::string new_graph;
  std::string inputs;
  std::vector<std::string> unmatched;       // names in the record that the network has not
  Engine engine = Engine::kReference;       // that both networks were run by
  std::vector<std::string> references;      // see RunResult::references
  std::optional<EngineComparison> engines;  // where both were asked for
  Tolerance tolerance;
  std::vector<OutputCheck> outputs;
  // The first layer that differs, in the order of computing; on one row of the inputs.
  std::optional<OutputCheck> first_difference;
  std::optional<Accuracy> old_accuracy;  // where there were labels
  std::optional<Accuracy> new_accuracy;
  // Were the variables of the network changed one by one to see whether the outputs follow?
  bool influence_tested = false;
  std::vector<std::string> unseen;  // those whose change no output followed
};

// What a verification found. Plain data.
struct Verification {
  Verdict verdict = Verdict::kSame;
  std::vector<std::string> reasons;      // of another verdict than "same", a sentence each
  std::vector<VariableCheck> variables;  // none where there is only a golden record
  std::optional<ForwardCheck> forward;
  std::string no_forward;  // why there is none
  std::optional<Diagnosis> diagnosis;

  // Variables that are what they should be, by what: the bytes, the outputs, neither.
  std::size_t proven_by_bytes = 0;
  std::size_t proven_by_outputs = 0;
  std::vector<std::string> proven_by_neither;
};

}  // namespace ckpt
