#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "scope/variable_scope.h"

namespace ckpt {

class VariableStore;

// Something that is open in a store until the guard is closed or goes away: a variable scope, a
// name scope, a creator. What was opened last must be closed first. The store must outlive it.
class OpenGuard {
 public:
  OpenGuard(OpenGuard&& other) noexcept : store_(std::exchange(other.store_, {})), id_(other.id_) {}
  OpenGuard& operator=(OpenGuard&&) = delete;

  // Closes it now. Throws ScopeError(kNest), and changes nothing, where something that was opened
  // inside is still open. Does nothing where it is closed already.
  void close();

 protected:
  OpenGuard(VariableStore& store, std::uint64_t id) : store_(&store), id_(id) {}
  // A destructor cannot throw: it closes what is still open inside too.
  ~OpenGuard();

 private:
  VariableStore* store_;
  std::uint64_t id_;
};

// An open variable scope. The scope itself may be kept and used after it is closed.
class [[nodiscard]] ScopeGuard : public OpenGuard {
 public:
  [[nodiscard]] VariableScope scope() const& { return scope_; }
  // Of a guard that nobody keeps: closes it first, so store.open("a").scope() is a scope "a" that
  // is not open.
  [[nodiscard]] VariableScope scope() && {
    close();
    return std::move(scope_);
  }
  VariableScope& operator*() { return scope_; }
  VariableScope* operator->() { return &scope_; }

 private:
  friend class VariableStore;
  ScopeGuard(VariableStore& store, std::uint64_t id, VariableScope scope)
      : OpenGuard(store, id), scope_(std::move(scope)) {}

  VariableScope scope_;
};

// An open name scope.
class [[nodiscard]] NameScopeGuard : public OpenGuard {
 public:
  // With its final "/"; empty for the root. name_scope() of this name re-enters it.
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  friend class VariableStore;
  NameScopeGuard(VariableStore& store, std::uint64_t id, std::string name)
      : OpenGuard(store, id), name_(std::move(name)) {}

  std::string name_;
};

// A variable creator in force.
class [[nodiscard]] CreatorGuard : public OpenGuard {
 private:
  friend class VariableStore;
  using OpenGuard::OpenGuard;
};

}  // namespace ckpt
