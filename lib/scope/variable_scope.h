#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/dtype.h"
#include "scope/initializer.h"
#include "scope/partition.h"
#include "scope/variable_options.h"

namespace ckpt {

// What variables get that are made in a scope, where the call does not say it. A scope opened
// inside by its string starts with a copy, all but the constraint, which is not handed on.
struct ScopeDefaults {
  DType dtype = DType::kF32;
  std::optional<Initializer> initializer = {};
  std::optional<Regularizer> regularizer = {};
  std::optional<Partitioner> partitioner = {};
  std::optional<CustomGetter> custom_getter = {};  // those of all scopes around, composed
  std::optional<std::string> constraint = {};
  std::string caching_device = {};
  bool use_resource = false;
};

// The arguments of VariableStore::open(). What is not set comes from the scope around, or from the
// scope object that is opened.
struct ScopeOptions {
  std::optional<std::string> default_name = {};  // numbered; only where there is no other name
  Reuse reuse = Reuse::kFalse;
  bool auxiliary_name_scope = true;  // open a name scope with it?
  std::optional<DType> dtype = {};
  std::optional<Initializer> initializer = {};
  std::optional<Regularizer> regularizer = {};
  std::optional<Partitioner> partitioner = {};
  std::optional<CustomGetter> custom_getter = {};  // called first; its `next` is the one around
  std::optional<std::string> constraint = {};
  std::optional<std::string> caching_device = {};
  std::optional<bool> use_resource = {};
};

// A variable scope. This is a handle: its copies are one scope, which lives as long as any of them
// (hence the shared_ptr: a scope that is kept outlives the block that opened it, and may be
// changed through what was kept). Opening a scope by its object makes another scope of its name.
class VariableScope {
 public:
  // The prefix of names, without a final "/"; empty for the root.
  [[nodiscard]] const std::string& name() const { return state_->name; }
  [[nodiscard]] Reuse reuse() const { return state_->reuse; }

  // The name scope that was opened with it when it was made, with its "/"; opening the scope again
  // does not change it.
  [[nodiscard]] const std::string& original_name_scope() const {
    return state_->original_name_scope;
  }

  // From now on variables that exist are found and no others are made, here and in scopes that will
  // be opened inside by their strings. It cannot be taken back.
  void reuse_variables() { state_->reuse = Reuse::kTrue; }

  // Changes hold for later calls in this very scope.
  [[nodiscard]] ScopeDefaults& defaults() { return state_->defaults; }
  [[nodiscard]] const ScopeDefaults& defaults() const { return state_->defaults; }

  // The full name of a variable in this scope: "a/b" + "v" is "a/b/v".
  [[nodiscard]] std::string key_of(std::string_view variable) const;

  // Are they the same scope, not only equal ones?
  friend bool operator==(const VariableScope& a, const VariableScope& b) = default;

 private:
  friend class VariableStore;

  struct State {
    std::string name;
    Reuse reuse = Reuse::kFalse;
    ScopeDefaults defaults;
    std::string original_name_scope;
  };
  explicit VariableScope(State state) : state_(std::make_shared<State>(std::move(state))) {}

  std::shared_ptr<State> state_;
};

// The defaults of a scope that is opened with `options`, inside (or as another) one that has
// `base`. Throws ScopeError(kGetter) where the custom getter is an empty function.
ScopeDefaults inherit(const ScopeDefaults& base, const ScopeOptions& options);

// Sets in `options` what is not set there, from the scope.
void fill_in(VariableOptions& options, const ScopeDefaults& defaults);

}  // namespace ckpt
