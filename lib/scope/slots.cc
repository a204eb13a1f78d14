#include "scope/slots.h"

#include <algorithm>

#include "core/text.h"

namespace ckpt {
namespace {

// `name`, or the first of name_1, name_2, … that no global variable of the current scope has;
// where reuse is on, the name itself.
std::string first_free(VariableStore& store, std::string_view name) {
  const VariableScope scope = store.current_scope();
  if (scope.reuse() != Reuse::kFalse) return std::string(name);
  const std::vector<Variable*> variables = store.global_variables(scope);
  const auto taken = [&](const std::string& candidate) {
    return std::ranges::find(variables, scope.key_of(candidate), &Variable::name) !=
           variables.end();
  };
  std::string candidate(name);
  for (int i = 1; taken(candidate); ++i) candidate = cat(name, "_", i);
  return candidate;
}

Variable* scalar(VariableStore& store, std::string_view name, DType dtype, double value,
                 CodePlace at) {
  return &store.make_variable(name,
                              {.shape = Shape{},
                               .dtype = dtype,
                               .initializer = Initializer::constant(value),
                               .trainable = false},
                              at);
}

std::vector<Variable*> one_slot_each(VariableStore& store, std::span<Variable* const> owners,
                                     std::string_view name, CodePlace at) {
  std::vector<Variable*> out;
  for (const Variable* owner : owners) {
    out.push_back(&create_slot(store, *owner, name, Initializer::zeros(), at));
  }
  return out;
}

}  // namespace

Variable& create_slot(VariableStore& store, const Variable& owner, std::string_view name,
                      const Initializer& initializer, CodePlace at) {
  ScopeGuard scope = store.open({.default_name = cat(owner.name(), "/", name)});
  scope->defaults().partitioner.reset();  // a slot is cut as its owner is
  // The empty name: the variable is called as its scope.
  Variable& slot = store.get_variable("",
                                      {.shape = owner.shape(),
                                       .dtype = owner.dtype(),
                                       .initializer = initializer,
                                       .trainable = false,
                                       .use_resource = owner.facts().use_resource},
                                      at);
  if (owner.slice()) {
    SaveSlice slice = *owner.slice();
    slice.full_name += slot.name().substr(slot.name().rfind('/'));
    slot.set_slice(std::move(slice));
  }
  return slot;
}

AdamSlots adam_slots(VariableStore& store, std::span<Variable* const> owners, std::string_view name,
                     CodePlace at) {
  AdamSlots slots;
  const DType dtype = owners.empty() ? DType::kF32 : owners.front()->dtype();
  slots.beta1_power = scalar(store, "beta1_power", dtype, 0.9, at);
  slots.beta2_power = scalar(store, "beta2_power", dtype, 0.999, at);
  for (const Variable* owner : owners) {
    slots.first_moments.push_back(&create_slot(store, *owner, name, Initializer::zeros(), at));
    slots.second_moments.push_back(&create_slot(store, *owner, name, Initializer::zeros(), at));
  }
  return slots;
}

std::vector<Variable*> momentum_slots(VariableStore& store, std::span<Variable* const> owners,
                                      std::string_view name, CodePlace at) {
  return one_slot_each(store, owners, name, at);
}

std::vector<Variable*> moving_averages(VariableStore& store, std::span<Variable* const> owners,
                                       std::string_view name, CodePlace at) {
  return one_slot_each(store, owners, name, at);
}

ZeroDebias zero_debias(VariableStore& store, const Variable& average, CodePlace at) {
  const ScopeGuard scope = store.open(average.name());
  VariableOptions options{.shape = average.shape(),
                          .dtype = average.dtype(),
                          .initializer = Initializer::zeros(),
                          .trainable = false};
  Variable& biased = store.get_variable(first_free(store, "biased"), options, at);
  options.shape = Shape{};
  Variable& local_step = store.get_variable(first_free(store, "local_step"), options, at);
  return {&biased, &local_step};
}

}  // namespace ckpt
