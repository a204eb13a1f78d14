#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "model/program.h"
#include "model/program/site.h"
#include "scope/layers.h"

namespace ckpt::program {

// What a name of the program is bound to by "as": a value, a variable, a scope.
using Binding = std::variant<std::size_t, const Variable*, VariableScope>;

// "value", "variable" or "scope".
std::string_view word_of(const Binding& binding);

// Is it a global variable, which a saver keeps?
bool is_saved(const Variable& variable);

inline constexpr std::size_t kMaxVariables = 100'000;  // the largest public models have 10,000

// The names of one body: those of the file, or of a function while it is called.
struct Frame {
  std::map<std::string, Binding, std::less<>> bindings;
};

// Runs a program: each statement under the rules of variable scopes, into a graph.
class Machine {
 public:
  Machine(const Datum& program, const ProgramOptions& options, Graph& graph);

  // Throws as read_graph_file() does.
  void run();

 private:
  // Statements. `names` are what braces stand for, `frame` what `as` binds.
  void run_body(const Datum& body, Frame& frame, const Names& names);
  void run_statement(const Datum& statement, Frame& frame, const Names& names);
  void run_scope(Fields& f, Frame& frame, const Names& names);
  void run_name_scope(Fields& f, Frame& frame, const Names& names);
  void run_variable(std::string_view kind, Fields& f, Frame& frame);
  void run_layer(Fields& f, Frame& frame);
  void run_operation(Fields& f, Frame& frame);
  void run_call(Fields& f, Frame& frame);
  void run_repeat(Fields& f, Frame& frame, const Names& names);

  void read_parameters();
  void read_inputs();
  void read_outputs();
  void take_variables();

  [[nodiscard]] std::string place(const Datum& at) const;
  const Datum& body_of(Fields& f) const;
  ScopeOptions scope_options(Fields& f) const;
  void check_names() const;
  const Binding& look_up(const Frame& frame, std::string_view name) const;
  std::vector<Operand> operands(Fields& f, const Frame& frame);
  std::size_t position_of(const Variable& variable);
  void count_name(const std::string& name);
  void check_partitions(const VariableOptions& options, DType dtype) const;
  void bind(Fields& f, Frame& frame, const std::vector<Binding>& made);
  void bind_outputs(Fields& f, Frame& frame, const Site& site,
                    const std::vector<std::size_t>& values);

  const Datum& program_;
  const ProgramOptions& options_;
  Graph& graph_;
  ops::Emitter emitter_;
  VariableStore store_;
  VariableScope root_;
  std::map<std::string, const Datum*, std::less<>> functions_;
  Names parameters_;
  Frame main_;
  std::unordered_map<const Variable*, std::size_t> positions_;
  std::unordered_map<std::string, std::size_t> calls_;  // of layers, by name
  std::size_t budget_;
  std::size_t depth_ = 0;
  std::size_t name_bytes_ = 0;
};

// The layer of a statement: opens its scope, makes its variables (each is given to `position_of`
// for its place in the graph) and adds its node. Sets the site's name. Throws ScopeError;
// Error(kUnsupported) for a layer that is not known, with those that are.
std::vector<std::size_t> apply_layer(Site& site, VariableStore& store, LayerOptions options,
                                     const std::function<std::size_t(const Variable&)>& position_of,
                                     const std::function<std::size_t(const std::string&)>& call_of);

}  // namespace ckpt::program
