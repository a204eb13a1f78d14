#pragma once

#include "model/ops/op.h"

namespace ckpt::ops {

// How a recurrent layer goes through time: attributes "go_backwards", "return_sequences",
// "return_state", "zero_output_for_mask".
struct Sweep {
  explicit Sweep(const Operation& op);

  bool backwards;
  bool sequences;
  bool states;
  bool zero_for_mask;
};

// One step: from the input at a time [N, …] and the states, which it replaces, to the output.
using Step = std::function<Array(const Array& input, std::vector<Array>& states)>;

// Steps through x [N, T, …]. Where the mask [N, T] is false, a sample's states stay as they are and
// its output is the one before, or 0. Gives the outputs [N, T, …] in the order of the steps or the
// last one [N, …], then the states where they are asked for.
std::vector<Array> sweep(const Array& x, const Array* mask, const Sweep& how,
                         std::vector<Array> states, const Step& step);

// The types and shapes that sweep() gives: `output` and `states` without the batch's first axis.
std::vector<Value> infer_sweep(const Signature& signature, const Sweep& how, const Shape& output,
                               const std::vector<Shape>& states);

}  // namespace ckpt::ops
