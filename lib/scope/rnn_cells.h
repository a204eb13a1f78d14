#pragma once

#include <cstdint>
#include <vector>

#include "core/code_place.h"
#include "scope/layers.h"

namespace ckpt {

// What recurrent cells call their variables: TensorFlow up to 1.1, and since 1.2.
enum class RnnNames : std::uint8_t { kWeightsAndBiases, kKernelAndBias };

// An LSTM cell in a scope of its own ("lstm_cell", numbered): kernel [inputs + units, 4 units] and
// bias [4 units]. Throws ScopeError, as all of these.
KernelAndBias lstm_cell(VariableStore& store, std::int64_t inputs, std::int64_t units,
                        RnnNames names = RnnNames::kKernelAndBias,
                        CodePlace at = CodePlace::here());

// LSTM cells on top of each other, `units` of each: "multi_rnn_cell/cell_0/lstm_cell/kernel", …
std::vector<KernelAndBias> multi_rnn_cell(VariableStore& store, std::int64_t inputs,
                                          const std::vector<std::int64_t>& units,
                                          RnnNames names = RnnNames::kKernelAndBias,
                                          CodePlace at = CodePlace::here());

// The same unrolled by dynamic_rnn, which opens the scope "rnn".
std::vector<KernelAndBias> dynamic_rnn(VariableStore& store, std::int64_t inputs,
                                       const std::vector<std::int64_t>& units,
                                       RnnNames names = RnnNames::kKernelAndBias,
                                       CodePlace at = CodePlace::here());

}  // namespace ckpt
