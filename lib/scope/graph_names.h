#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ckpt {

// The names of a graph's operations and name scopes, and the name scope that is current. A name
// exists once, whatever the case of its letters: the second "w" (or "W") becomes "w_1" ("W_1").
class GraphNames {
 public:
  // The current name scope, without a final "/"; empty at the root.
  [[nodiscard]] const std::string& current() const { return current_; }
  void set_current(std::string name_scope) { current_ = std::move(name_scope); }

  // Takes a name for an operation in the current name scope. A name that ends in "/" is absolute:
  // it is taken as it is, without the "/", even where it is in use.
  // Throws ScopeError(kName) where the whole name is not one that a graph allows.
  std::string add_op(std::string_view name);

  // Takes a name for a variable as add_op() does for an operation. A variable's name must be
  // legal as a name scope too.
  std::string add_variable(std::string_view name);

  // Makes a name scope in the current one and enters it: "a" gives "a/" or "a_1/". A name that
  // ends in "/" re-enters that very scope, an empty one the root (""). The caller keeps and
  // restores current(). Throws ScopeError(kName).
  std::string push(std::string_view name);

 private:
  // `name` inside the current name scope with the first free suffix.
  std::string unique(std::string_view name);
  // Throws where `name` may not be the name of a scope made inside the current one.
  void check_scope_name(std::string_view name) const;

  std::string current_;
  // How often each name was asked for, in lower case. Those with suffixes count too.
  std::unordered_map<std::string, std::size_t> used_;
};

}  // namespace ckpt
