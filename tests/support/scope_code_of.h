#pragma once

#include <optional>

#include "scope/scope_error.h"

// Runs `f` and gives the code of the ckpt::ScopeError it throws, empty where it throws none.
template <typename F>
std::optional<ckpt::ScopeErrc> scope_code_of(F&& f) {
  try {
    f();
  } catch (const ckpt::ScopeError& e) {
    return e.scope_code();
  }
  return std::nullopt;
}
