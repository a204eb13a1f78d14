// What a program begins and ends with: parameters and inputs, variables and outputs.

#include <algorithm>
#include <array>
#include <charconv>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "model/program/machine.h"
#include "scope/saveable.h"

namespace ckpt::program {
namespace {

using Kind = Datum::Kind;

constexpr std::size_t kMaxNameBytes = std::size_t{64} << 20;  // of all names together

}  // namespace

bool is_saved(const Variable& variable) {
  const auto& collections = variable.facts().collections;
  return std::ranges::find(collections, kGlobalVariables) != collections.end();
}

std::string_view word_of(const Binding& binding) {
  constexpr std::array<std::string_view, 3> kWords{"value", "variable", "scope"};
  return kWords[binding.index()];
}

void Machine::read_parameters() {
  const Datum* parameters = program_.find("parameters");
  std::vector<std::string> known;
  if (parameters != nullptr) {
    if (parameters->kind != Kind::kObject) refuse("its 'parameters' are no object");
    for (const auto& [name, value] : parameters->members) {
      known.push_back(name);
      const auto given =
          std::ranges::find(options_.parameters, name, &std::pair<std::string, std::string>::first);
      if (given == options_.parameters.end()) {
        parameters_.set(name, substitute(value, parameters_, budget_));
        continue;
      }
      const std::string& text = given->second;
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      const bool is_number = error == std::errc{} && end == text.data() + text.size();
      parameters_.set(name, is_number ? Datum::of(number) : Datum::of(text));
    }
  }
  for (const auto& [name, value] : options_.parameters) {
    if (std::ranges::find(known, name) != known.end()) continue;
    refuse(cat("has no parameter '", escape(name), "'",
               known.empty() ? "; it has none" : cat("; it has ", join(known, ", "))));
  }
}

void Machine::read_inputs() {
  const Datum* inputs = program_.find("inputs");
  if (inputs == nullptr) return;
  if (inputs->kind != Kind::kList) refuse("its 'inputs' are no list");
  for (const Datum& input : inputs->items) {
    if (input.kind != Kind::kObject) {
      refuse(
          "an input is an object such as {\"name\": \"x\", \"shape\": [\"?\", 10], "
          "\"dtype\": \"f32\"}");
    }
    Fields f(input, parameters_, budget_);
    const std::string name = f.text("name");
    Value value{f.dtype("dtype", DType::kF32), f.shape("shape", true)};
    f.finish();
    if (main_.bindings.contains(name)) refuse(cat("has two inputs '", escape(name), "'"));
    (void)store_.add_op(name);
    main_.bindings.insert_or_assign(name, emitter_.add_input(name, std::move(value)));
  }
}

void Machine::read_outputs() {
  const Datum* outputs = program_.find("outputs");
  if (outputs == nullptr) return;
  if (outputs->kind != Kind::kList) refuse("its 'outputs' are no list");
  for (const Datum& output : outputs->items) {
    if (output.kind != Kind::kText) refuse("an output is a name that 'as' has bound");
    const Binding& binding = look_up(main_, output.text);
    const auto* value = std::get_if<std::size_t>(&binding);
    if (value == nullptr) {
      refuse(
          cat("its output '", escape(output.text), "' is a ", word_of(binding), ", and no value"));
    }
    graph_.outputs.push_back({cat("output_", graph_.outputs.size()), *value});
  }
}

// All that a saver would keep, be it used or not.
void Machine::take_variables() {
  (void)saveables_of(store_);  // two variables with one name are an error
  for (const auto& variable : store_.variables()) {
    if (is_saved(*variable) && !variable->slice()) position_of(*variable);
  }
}

// The place of a variable among the graph's, which it gets when it is first seen.
std::size_t Machine::position_of(const Variable& variable) {
  const auto [it, is_new] = positions_.try_emplace(&variable, graph_.variables.size());
  if (!is_new) return it->second;
  if (store_.variables().size() > kMaxVariables) {
    refuse(cat("the program makes more than ", with_commas(kMaxVariables), " variables"));
  }
  count_name(variable.name());
  GraphVariable made;
  made.name = variable.name();
  made.dtype = variable.dtype();
  made.shape = variable.shape();
  made.initializer = variable.facts().initializer;
  made.hints.trainable = variable.trainable();
  graph_.variables.push_back(std::move(made));
  return it->second;
}

// All names together have a bound: they grow with the depth of scopes.
void Machine::count_name(const std::string& name) {
  name_bytes_ += name.size();
  if (name_bytes_ > kMaxNameBytes) refuse("the names of the program get too long");
}

}  // namespace ckpt::program
