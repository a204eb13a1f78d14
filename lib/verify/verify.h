#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "model/forward.h"
#include "verify/engines.h"
#include "verify/probe.h"
#include "verify/verification.h"

namespace ckpt {

// A network: its graph, bound to the variables of the checkpoint that it belongs to.
struct Network {
  const Graph* graph = nullptr;
  std::string words;  // where it comes from: "its own config (Keras 3 config)"
};

// Whether NEW is OLD, or computes what a record says. All that is pointed to outlives the call.
struct VerifyRequest {
  const Reader* found = nullptr;  // NEW

  // OLD, in three views: as it is; what a right NEW would be, under NEW's names; and NEW under
  // OLD's names, null where it cannot be seen so. Where names are equal they are OLD, OLD and NEW.
  const Reader* old = nullptr;  // null: there is a record
  const Reader* expected = nullptr;
  const Reader* returned = nullptr;
  Origins origins;

  // At least one network for a forward pass. With one of them, both checkpoints run through it.
  std::optional<Network> old_network;
  std::optional<Network> new_network;
  std::string no_network;  // why there is none, where there could be
  std::string misfit;      // why NEW does not fit its own network; it is different then

  std::optional<Probe> probe;  // else one is made from `seed`
  std::uint64_t seed = 1;
  // A record to compare with, instead of OLD: outputs, and layers where it has them, by name.
  std::vector<NamedTensor> golden;

  Engines engines;

  std::optional<Tensor> labels;  // of the first output's rows: how many are right is counted

  std::optional<double> rtol;  // of each output's largest value
  std::optional<double> atol;
  bool require_forward = false;
  // Tests each variable's influence however long it takes; else only where that is quick.
  bool test_influence = false;
};

// Names, then dtypes and shapes, then bytes, then the forward pass of both on the same inputs, and
// a diagnosis where something differs. Throws what reading and running throw; Error(kInvalid) where
// the inputs do not fit OLD's network, or the record lacks one of its outputs.
Verification verify(const VerifyRequest& request);

}  // namespace ckpt
