#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/code_place.h"
#include "scope/graph_names.h"
#include "scope/scope_counts.h"
#include "scope/scope_guard.h"
#include "scope/variable.h"
#include "scope/variable_options.h"
#include "scope/variable_scope.h"

namespace ckpt {

// The collections that variables are in unless told otherwise.
inline constexpr std::string_view kGlobalVariables = "variables";
inline constexpr std::string_view kTrainableVariables = "trainable_variables";
inline constexpr std::string_view kLocalVariables = "local_variables";

// The variables of one graph, made and shared by the rules of TensorFlow 1's variable scopes.
//
//     VariableStore store;
//     auto scope = store.open("layer");
//     Variable& w = store.get_variable("w", {.shape = Shape{2, 3}});       // "layer/w"
//     scope.close();
//     auto again = store.open(*scope, {.reuse = Reuse::kTrue});
//     Variable& same = store.get_variable("w");                            // w == same
//
// A store is used by one thread at a time. All names are kept as they are given; mistakes are
// ScopeErrors, and leave the store as it was.
class VariableStore {
 public:
  VariableStore();
  VariableStore(const VariableStore&) = delete;
  VariableStore& operator=(const VariableStore&) = delete;

  // Opens a scope by its string: it is put behind the name of the current scope, whatever that is.
  // Reuse that is on in the current scope stays on.
  // Throws ScopeError: kName where the graph does not allow the name, kGetter.
  ScopeGuard open(std::string_view name, const ScopeOptions& options = {});

  // Opens a scope by its object: a jump to that very name, wherever one is. Defaults and reuse are
  // the object's, not the current scope's.
  ScopeGuard open(const VariableScope& scope, const ScopeOptions& options = {});

  // Opens a scope in the current one by options.default_name, or the first of NAME_1, NAME_2, …
  // that is not open already or was not in this visit of the current scope.
  // Throws ScopeError: kNoName without a default name, kReuseNoName where reuse is asked for.
  ScopeGuard open(const ScopeOptions& options);

  [[nodiscard]] VariableScope& current_scope() { return current_; }
  [[nodiscard]] const VariableScope& current_scope() const { return current_; }

  // Finds or makes the variable `name` of the current scope, as its reuse says. Of a partitioned
  // variable the whole is returned.
  // Throws ScopeError, and Error(kInvalid) from an initializer that is called at once; nothing has
  // been made then, but for slices before one that is refused.
  Variable& get_variable(std::string_view name, const VariableOptions& options = {},
                         CodePlace at = CodePlace::here());

  // The same for a variable that is not trained and not saved: in the local collection, beside
  // those given. Local and other variables share their names.
  Variable& get_local_variable(std::string_view name, const VariableOptions& options = {},
                               CodePlace at = CodePlace::here());

  // get_variable() by full name, without scope: what a scope's get_variable comes down to.
  Variable& get_by_key(std::string_view key, const VariableOptions& options = {},
                       Reuse reuse = Reuse::kAuto, CodePlace at = CodePlace::here());

  // Makes a variable in the current *name scope*, whatever the variable scope and its reuse: a
  // second "w" is "w_1". get_variable() never finds it. An empty name is "Variable".
  Variable& make_variable(std::string_view name, const VariableOptions& options = {},
                          CodePlace at = CodePlace::here());

  // The variable of that full name, by get_variable()'s names; null where there is none. Of a
  // partitioned variable the whole.
  [[nodiscard]] Variable* find(std::string_view key);

  // All variables in the order they were made: plain ones too, slices instead of wholes.
  [[nodiscard]] const std::vector<std::unique_ptr<Variable>>& variables() const {
    return variables_;
  }

  // The variables of a collection whose names begin with `prefix`, in the order they were made.
  [[nodiscard]] std::vector<Variable*> collection(std::string_view name,
                                                  std::string_view prefix = "") const;
  // Those of a scope are all below it.
  [[nodiscard]] std::vector<Variable*> global_variables() const;
  [[nodiscard]] std::vector<Variable*> global_variables(const VariableScope& scope) const;
  [[nodiscard]] std::vector<Variable*> trainable_variables() const;
  [[nodiscard]] std::vector<Variable*> local_variables() const;

  // One for each variable that was made with a regularizer.
  struct Loss {
    std::string regularizer;
    const Variable* variable = nullptr;
  };
  [[nodiscard]] const std::vector<Loss>& regularization_losses() const { return losses_; }

  // Opens a name scope, which is put before the names of operations and plain variables and never
  // before get_variable()'s. A name that ends in "/" re-enters that name scope, an empty one goes
  // to the root. Throws ScopeError(kName).
  NameScopeGuard name_scope(std::string_view name);
  [[nodiscard]] const std::string& current_name_scope() const { return names_.current(); }

  // Takes a name for an operation, and gives it as it became. Throws ScopeError(kName).
  std::string add_op(std::string_view name) { return names_.add_op(name); }

  // Lets `creator` make the variables while the guard lives; the one set last is called first.
  CreatorGuard add_creator(VariableCreator creator);

  // Gives each variable the values of its initializer, whether or not it has some.
  void initialize(std::uint64_t seed = 0);

 private:
  friend class OpenGuard;

  // What was there before something was opened.
  struct Frame {
    std::uint64_t id;
    std::string what;                 // for messages
    std::string original_name_scope;  // the name scope it is in, with its "/"
    VariableScope old_scope;
    std::string old_name_scope;
    std::size_t old_creators;
    std::optional<std::string> string_scope = {};        // opened by string: its full name
    std::optional<ScopeCounts::Mark> object_scope = {};  // opened by object
  };

  // Opening and closing (variable_store_scopes.cc).
  Frame& push_frame(std::string what, std::optional<std::string_view> name_scope);
  ScopeGuard open_string(std::string_view name, std::string_view name_scope,
                         const ScopeOptions& options);
  std::string unique_scope(std::string_view default_name);
  void close(std::uint64_t id);
  void close_with_inner(std::uint64_t id) noexcept;
  void pop_frame();

  // Finding and making (variable_store.cc, variable_store_partitions.cc).
  Variable& get(VariableRequest request);
  Variable& get_any(VariableRequest request);
  Variable& get_whole(VariableRequest request);
  Variable& get_partitioned(VariableRequest request);
  Variable& check_found(Variable& found, const VariableRequest& request) const;
  Variable& create(VariableRequest request, std::size_t creators);
  Variable& make(VariableRequest request);
  [[noreturn]] void throw_missing(const VariableRequest& request) const;
  void check_shards(std::string_view name, std::int64_t pieces) const;

  GraphNames names_;
  ScopeCounts counts_;
  VariableScope current_;
  std::vector<Frame> frames_;
  std::uint64_t next_frame_ = 1;
  std::vector<VariableCreator> creators_;

  std::vector<std::unique_ptr<Variable>> variables_;
  std::vector<std::unique_ptr<Variable>> partitioned_;
  std::map<std::string, Variable*, std::less<>> by_key_;
  std::map<std::string, Variable*, std::less<>> partitioned_by_key_;
  std::map<std::string, std::vector<Variable*>, std::less<>> collections_;
  std::vector<Loss> losses_;
};

}  // namespace ckpt
