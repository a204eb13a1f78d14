#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/code_place.h"
#include "scope/variable_store.h"

namespace ckpt {

// The scoping of what training adds to a model's variables. No arithmetic.

// A slot of `owner`: a variable of its shape, not trained, that is called after it. The name is a
// default name in the current scope, so the second "Adam" of a variable is "Adam_1". Slots of a
// slice are slices. Throws ScopeError.
Variable& create_slot(VariableStore& store, const Variable& owner, std::string_view name,
                      const Initializer& initializer = Initializer::zeros(),
                      CodePlace at = CodePlace::here());

// What one Adam optimizer keeps.
struct AdamSlots {
  Variable* beta1_power = nullptr;
  Variable* beta2_power = nullptr;
  std::vector<Variable*> first_moments;   // "OWNER/Adam", one an owner
  std::vector<Variable*> second_moments;  // "OWNER/Adam_1"
};
AdamSlots adam_slots(VariableStore& store, std::span<Variable* const> owners,
                     std::string_view name = "Adam", CodePlace at = CodePlace::here());

// The accumulators of a momentum optimizer, one an owner: "OWNER/Momentum".
std::vector<Variable*> momentum_slots(VariableStore& store, std::span<Variable* const> owners,
                                      std::string_view name = "Momentum",
                                      CodePlace at = CodePlace::here());

// The shadows of moving averages, one an owner: "OWNER/ExponentialMovingAverage". They start at
// zero.
std::vector<Variable*> moving_averages(VariableStore& store, std::span<Variable* const> owners,
                                       std::string_view name = "ExponentialMovingAverage",
                                       CodePlace at = CodePlace::here());

// What takes the bias of a start at zero out of the average `average`. It is asked for by that
// variable's full name inside the current scope, so inside "bn" the helpers of "bn/mean" are
// "bn/bn/mean/biased": a doubled scope that is no mistake.
struct ZeroDebias {
  Variable* biased = nullptr;
  Variable* local_step = nullptr;
};
ZeroDebias zero_debias(VariableStore& store, const Variable& average,
                       CodePlace at = CodePlace::here());

}  // namespace ckpt
